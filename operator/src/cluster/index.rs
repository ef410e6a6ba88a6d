//! The objects of one kind, found by what they refer to: all jobs of an instance, all instances of a vault.
//!
//! A copy of what the watch has told so far, so possibly a little old: for showing and counting. What must not be wrong
//! (is a Job running? is the point there?) is read from the API server or asked of the keeper.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

/// What objects are found by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Key {
    Vault { namespace: String, name: String },
    Policy { namespace: String, name: String },
    Instance { namespace: String, name: String },
}

impl Key {
    pub fn vault(namespace: &str, name: &str) -> Self {
        Self::Vault { namespace: namespace.to_owned(), name: name.to_owned() }
    }

    pub fn policy(namespace: &str, name: &str) -> Self {
        Self::Policy { namespace: namespace.to_owned(), name: name.to_owned() }
    }

    pub fn instance(namespace: &str, name: &str) -> Self {
        Self::Instance { namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

/// Namespace and name.
pub type Address = (String, String);

/// Objects of one kind by address and by key.
#[derive(Debug)]
pub struct Index<K> {
    keys: fn(&K) -> Vec<Key>,
    content: RwLock<Content<K>>,
}

#[derive(Debug)]
struct Content<K> {
    objects: HashMap<Address, Arc<K>>,
    by_key: HashMap<Key, BTreeMap<Address, Arc<K>>>,
}

impl<K> Default for Content<K> {
    fn default() -> Self {
        Self { objects: HashMap::new(), by_key: HashMap::new() }
    }
}

impl<K> Index<K> {
    /// An empty index; `keys` says what an object is found by.
    pub fn new(keys: fn(&K) -> Vec<Key>) -> Self {
        Self { keys, content: RwLock::default() }
    }

    /// The object of this address, as last heard.
    pub fn get(&self, namespace: &str, name: &str) -> Option<Arc<K>> {
        let content = self.content.read().unwrap_or_else(PoisonError::into_inner);
        content.objects.get(&(namespace.to_owned(), name.to_owned())).cloned()
    }

    /// Every object with this key, ordered by namespace and name.
    pub fn by(&self, key: &Key) -> Vec<Arc<K>> {
        let content = self.content.read().unwrap_or_else(PoisonError::into_inner);
        content.by_key.get(key).map(|objects| objects.values().cloned().collect()).unwrap_or_default()
    }

    /// Every object.
    pub fn all(&self) -> Vec<Arc<K>> {
        let content = self.content.read().unwrap_or_else(PoisonError::into_inner);
        content.objects.values().cloned().collect()
    }

    /// Puts an object in the place of what was at its address; returns what that was.
    pub(super) fn put(&self, address: Address, object: Arc<K>) -> Option<Arc<K>> {
        let mut content = self.content.write().unwrap_or_else(PoisonError::into_inner);
        let before = take(&mut content, &address, self.keys);
        for key in (self.keys)(&object) {
            content.by_key.entry(key).or_default().insert(address.clone(), Arc::clone(&object));
        }
        content.objects.insert(address, object);
        before
    }

    /// Takes an object away, and returns it.
    pub(super) fn remove(&self, address: &Address) -> Option<Arc<K>> {
        let mut content = self.content.write().unwrap_or_else(PoisonError::into_inner);
        take(&mut content, address, self.keys)
    }

    /// Every address there is.
    pub(super) fn addresses(&self) -> Vec<Address> {
        let content = self.content.read().unwrap_or_else(PoisonError::into_inner);
        content.objects.keys().cloned().collect()
    }
}

#[cfg(test)]
impl<K: kube::Resource<DynamicType = ()>> Index<K> {
    /// Puts an object in, as if the watch had told of it.
    pub fn hold(&self, object: K) {
        use kube::ResourceExt as _;
        let address = (object.namespace().unwrap_or_default(), object.name_any());
        self.put(address, Arc::new(object));
    }

    /// Holds these objects and no others, as if the watch had been listed anew.
    pub fn hold_only(&self, objects: Vec<K>) {
        for address in self.addresses() {
            self.remove(&address);
        }
        objects.into_iter().for_each(|object| self.hold(object));
    }
}

fn take<K>(content: &mut Content<K>, address: &Address, keys: fn(&K) -> Vec<Key>) -> Option<Arc<K>> {
    let before = content.objects.remove(address)?;
    for key in keys(&before) {
        if let Some(objects) = content.by_key.get_mut(&key) {
            objects.remove(address);
            if objects.is_empty() {
                content.by_key.remove(&key);
            }
        }
    }
    Some(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Pair = (&'static str, &'static str);

    fn index() -> Index<Pair> {
        Index::new(|(vault, _)| vec![Key::vault("vaults", vault)])
    }

    fn address(name: &str) -> Address {
        ("shop".into(), name.into())
    }

    #[test]
    fn objects_are_found_by_address_and_by_key() {
        let index = index();
        index.put(address("b"), Arc::new(("main", "b")));
        index.put(address("a"), Arc::new(("main", "a")));
        index.put(address("c"), Arc::new(("other", "c")));
        let names: Vec<_> = index.by(&Key::vault("vaults", "main")).iter().map(|object| object.1).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(index.get("shop", "c").map(|object| object.1), Some("c"));
        assert_eq!(index.all().len(), 3);
    }

    #[test]
    fn an_object_that_moves_to_another_key_leaves_the_first() {
        let index = index();
        index.put(address("a"), Arc::new(("main", "1")));
        let before = index.put(address("a"), Arc::new(("other", "2")));
        assert_eq!(before.map(|object| object.1), Some("1"));
        assert!(index.by(&Key::vault("vaults", "main")).is_empty());
        assert_eq!(index.by(&Key::vault("vaults", "other")).len(), 1);
    }

    #[test]
    fn a_removed_object_is_nowhere() {
        let index = index();
        index.put(address("a"), Arc::new(("main", "1")));
        assert!(index.remove(&address("a")).is_some());
        assert!(index.remove(&address("a")).is_none());
        assert!(index.by(&Key::vault("vaults", "main")).is_empty());
        assert!(index.addresses().is_empty());
    }
}
