//! What was used lately, within a bound. Two generations: what is used stays, and nothing is counted or aged.

use std::collections::BTreeMap;

#[derive(Clone, Debug)]
pub struct Recent<K, V> {
    young: BTreeMap<K, V>,
    old: BTreeMap<K, V>,
    max: usize,
}

impl<K: Ord + Copy, V: Clone> Recent<K, V> {
    /// Holds at most `max` values.
    pub fn new(max: usize) -> Recent<K, V> {
        Recent { young: BTreeMap::new(), old: BTreeMap::new(), max }
    }

    pub fn get(&mut self, key: &K) -> Option<V> {
        if let Some(value) = self.young.get(key) {
            return Some(value.clone());
        }
        let value = self.old.remove(key)?;
        self.insert(*key, value.clone());
        Some(value)
    }

    /// Was the key known before?
    pub fn insert(&mut self, key: K, value: V) -> bool {
        if self.young.len() >= self.max / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        let was_old = self.old.remove(&key).is_some();
        self.young.insert(key, value).is_some() || was_old
    }

    pub fn remove(&mut self, key: &K) {
        self.young.remove(key);
        self.old.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_the_rest_goes() {
        let mut recent = Recent::new(10);
        for number in 0..1000 {
            assert_eq!(recent.get(&7), (number > 7).then_some("seven"), "{number}");
            assert!(!recent.insert(number, if number == 7 { "seven" } else { "" }));
            assert!(recent.young.len() + recent.old.len() <= 10);
        }
        assert_eq!((recent.get(&500), recent.get(&999)), (None, Some("")));
        assert!(recent.insert(7, "again"));
        assert_eq!(recent.get(&7), Some("again"));
        recent.remove(&7);
        assert_eq!(recent.get(&7), None);
        assert!(!recent.insert(7, ""));
    }
}
