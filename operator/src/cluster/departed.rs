//! The last that a watch has told of objects that are gone.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use kube::Resource;

/// The newest objects that went, as they were; older ones are forgotten.
#[derive(Debug)]
pub struct Departed<K> {
    most: usize,
    objects: Mutex<VecDeque<Arc<K>>>,
}

impl<K: Resource> Departed<K> {
    /// Nothing yet, and at most so many.
    pub fn new(most: usize) -> Self {
        Self { most, objects: Mutex::default() }
    }

    /// The object of this UID, as it was last.
    pub fn of(&self, uid: &str) -> Option<Arc<K>> {
        let objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        objects.iter().rev().find(|object| object.meta().uid.as_deref() == Some(uid)).cloned()
    }

    pub(super) fn note(&self, object: Arc<K>) {
        let mut objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        objects.push_back(object);
        while objects.len() > self.most {
            objects.pop_front();
        }
    }
}
