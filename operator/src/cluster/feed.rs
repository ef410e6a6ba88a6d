//! One watch per kind, kept as an index and told to everybody who asks.
//!
//! An object that this version cannot read is left out and logged; the others go on.

use std::collections::HashSet;
use std::fmt::Debug;
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use futures::StreamExt as _;
use kube::core::DeserializeGuard;
use kube::runtime::reflector::Store;
use kube::runtime::reflector::store::Writer;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt as _, watcher as watch};
use kube::{Api, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::departed::Departed;
use super::index::{Address, Index};
use super::refusals::Refusals;

pub use super::index::Key;

/// What a controller's store holds: an object, or why it could not be read.
pub type Held<K> = DeserializeGuard<K>;

/// A kind as the operator sees it.
pub struct Feed<K: Resource<DynamicType = ()> + Clone + Debug + 'static> {
    index: Arc<Index<K>>,
    writer: Writer<Held<K>>,
    listeners: Vec<UnboundedSender<Arc<K>>>,
    departed: Arc<Departed<K>>,
    lighten: fn(&mut K),
}

impl<K> Feed<K>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    /// A feed that was not begun. `keys` says what objects are found by, `lighten` takes off what nobody here reads.
    pub fn new(keys: fn(&K) -> Vec<Key>, lighten: fn(&mut K)) -> Self {
        Self {
            index: Arc::new(Index::new(keys)),
            writer: Writer::new(()),
            listeners: Vec::new(),
            departed: Arc::new(Departed::new(0)),
            lighten,
        }
    }

    /// The same feed, which knows of the last `most` objects that went what they were.
    #[must_use]
    pub fn remembering(self, most: usize) -> Self {
        Self { departed: Arc::new(Departed::new(most)), ..self }
    }

    /// The objects, as last heard.
    pub fn index(&self) -> Arc<Index<K>> {
        Arc::clone(&self.index)
    }

    /// Those that went, as they were last.
    pub fn departed(&self) -> Arc<Departed<K>> {
        Arc::clone(&self.departed)
    }

    /// The store that a controller of this kind runs on.
    pub fn store(&self) -> Store<Held<K>> {
        self.writer.as_reader()
    }

    /// Every object that comes, changes or goes from now on, as it is or was.
    pub fn listen(&mut self) -> UnboundedReceiver<Arc<K>> {
        let (sender, receiver) = unbounded_channel();
        self.listeners.push(sender);
        receiver
    }

    /// Watches until dropped. Errors are tried again with growing pauses; what was heard stays.
    pub async fn run(mut self, api: Api<Held<K>>) {
        let kind = K::kind(&());
        let events = watch(api, watcher::Config::default().page_size(200)).default_backoff();
        let mut events = pin!(events);
        let mut listed = HashSet::new();
        let mut refusals = Refusals::default();
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => self.take(event.modify(|held| lighten(held, self.lighten)), &mut listed),
                Err(error) => {
                    tracing::warn!(%kind, %error, "the watch was interrupted");
                    tokio::time::sleep(refusals.pause(Instant::now())).await;
                }
            }
        }
    }

    fn take(&mut self, event: Event<Held<K>>, listed: &mut HashSet<Address>) {
        self.writer.apply_watcher_event(&event);
        match event {
            Event::Init => listed.clear(),
            Event::InitApply(held) => {
                listed.insert(address(&held));
                self.put(held);
            }
            Event::InitDone => {
                let gone: Vec<_> =
                    self.index.addresses().into_iter().filter(|address| !listed.contains(address)).collect();
                gone.iter().for_each(|address| self.lose(address));
            }
            Event::Apply(held) => self.put(held),
            Event::Delete(held) => self.lose(&address(&held)),
        }
    }

    fn put(&mut self, held: Held<K>) {
        let address = address(&held);
        match held.0 {
            Ok(object) => {
                let object = Arc::new(object);
                // One that was made again under the name, as a list tells it that follows a broken watch.
                let is_another = |before: &Arc<K>| before.uid() != object.uid();
                let departed = self.index.get(&address.0, &address.1).filter(is_another);
                departed.into_iter().for_each(|object| self.departed.note(object));
                let before = self.index.put(address, Arc::clone(&object));
                // What it referred to before has lost something, too.
                before.into_iter().chain([object]).for_each(|object| self.tell(object));
            }
            Err(invalid) => {
                let (namespace, name) = &address;
                tracing::error!(kind = %K::kind(&()), namespace, name, error = invalid.error, "failed to read an object");
                drop(self.remove(&address));
            }
        }
    }

    /// It is known as departed before anybody can miss it.
    fn lose(&self, address: &Address) {
        self.index.get(&address.0, &address.1).into_iter().for_each(|object| self.departed.note(object));
        drop(self.remove(address));
    }

    fn remove(&self, address: &Address) -> Option<Arc<K>> {
        let object = self.index.remove(address)?;
        self.tell(Arc::clone(&object));
        Some(object)
    }

    fn tell(&self, object: Arc<K>) {
        for listener in &self.listeners {
            // A listener that is gone belongs to a controller that has ended.
            let _ = listener.send(Arc::clone(&object));
        }
    }
}

fn address<K: Resource>(object: &K) -> Address {
    (object.namespace().unwrap_or_default(), object.name_any())
}

/// Managed fields are half of a small object, and nobody here reads them.
fn lighten<K: Resource>(held: &mut Held<K>, lighten: fn(&mut K)) {
    match &mut held.0 {
        Ok(object) => {
            object.meta_mut().managed_fields = None;
            lighten(object);
        }
        Err(invalid) => invalid.metadata.managed_fields = None,
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::core::ObjectMeta;
    use kube::core::error_boundary::InvalidObject;

    use super::*;

    fn feed() -> Feed<ConfigMap> {
        Feed::new(|map| vec![Key::vault("vaults", &map.name_any()[..1])], |map| map.data = None)
    }

    fn metadata(name: &str) -> ObjectMeta {
        ObjectMeta { name: Some(name.into()), namespace: Some("shop".into()), ..ObjectMeta::default() }
    }

    fn map(name: &str) -> Held<ConfigMap> {
        DeserializeGuard(Ok(ConfigMap { metadata: metadata(name), ..ConfigMap::default() }))
    }

    fn heard(receiver: &mut UnboundedReceiver<Arc<ConfigMap>>) -> Vec<String> {
        std::iter::from_fn(|| receiver.try_recv().ok()).map(|map| map.name_any()).collect()
    }

    fn take_all(feed: &mut Feed<ConfigMap>, events: Vec<Event<Held<ConfigMap>>>) {
        let mut listed = HashSet::new();
        events.into_iter().for_each(|event| feed.take(event, &mut listed));
    }

    #[test]
    fn changes_and_deletions_are_told() {
        let mut feed = feed();
        let mut listener = feed.listen();
        take_all(&mut feed, vec![Event::Init, Event::InitApply(map("a")), Event::InitDone]);
        take_all(&mut feed, vec![Event::Apply(map("b")), Event::Delete(map("a"))]);
        assert_eq!(heard(&mut listener), ["a", "b", "a"]);
        assert!(feed.index().get("shop", "a").is_none());
    }

    #[test]
    fn what_vanished_while_nobody_watched_is_told_after_the_next_list() {
        let mut feed = feed();
        take_all(
            &mut feed,
            vec![Event::Init, Event::InitApply(map("a")), Event::InitApply(map("b")), Event::InitDone],
        );
        let mut listener = feed.listen();
        take_all(&mut feed, vec![Event::Init, Event::InitApply(map("b")), Event::InitDone]);
        assert_eq!(heard(&mut listener), ["b", "b", "a"], "b before and after, then the loss of a");
        assert_eq!(feed.index().all().len(), 1);
    }

    #[test]
    fn of_the_last_ones_that_went_it_is_known_what_they_were() {
        let of_uid = |name: &str, uid: &str, label: &str| {
            let labels = Some([("is".to_owned(), label.to_owned())].into());
            let metadata = ObjectMeta { uid: Some(uid.into()), labels, ..metadata(name) };
            DeserializeGuard(Ok(ConfigMap { metadata, ..ConfigMap::default() }))
        };
        let mut feed = feed().remembering(2);
        take_all(
            &mut feed,
            vec![Event::Apply(of_uid("a", "1", "old")), Event::Apply(of_uid("a", "1", "new"))],
        );
        assert!(feed.departed().of("1").is_none(), "it is there");
        take_all(&mut feed, vec![Event::Delete(of_uid("a", "1", "new"))]);
        let last = feed.departed().of("1").expect("what it was");
        assert_eq!(last.labels()["is"], "new");
        for uid in ["2", "3"] {
            let gone = of_uid("b", uid, "new");
            take_all(&mut feed, vec![Event::Apply(gone), Event::Init, Event::InitDone]);
        }
        assert!(feed.departed().of("3").is_some(), "a list without it is its end as well");
        assert!(feed.departed().of("1").is_none(), "the oldest is forgotten");
        take_all(
            &mut feed,
            vec![Event::Apply(of_uid("c", "4", "old")), Event::Apply(of_uid("c", "5", "new"))],
        );
        assert!(feed.departed().of("4").is_some() && feed.departed().of("5").is_none(), "made again");
    }

    #[test]
    fn an_unreadable_object_leaves_the_index_and_the_others_stay() {
        let mut feed = feed();
        take_all(&mut feed, vec![Event::Apply(map("a")), Event::Apply(map("b"))]);
        let broken = InvalidObject { error: "missing field `spec`".into(), metadata: metadata("a") };
        take_all(&mut feed, vec![Event::Apply(DeserializeGuard(Err(broken)))]);
        let names: Vec<_> = feed.index().all().iter().map(|map| map.name_any()).collect();
        assert_eq!(names, ["b"]);
    }
}
