//! Whom credentials stand for, as keyed hashes: the smallest few of all that were seen, so that sets of
//! any split unite to the same set. Who has key and store can tell whether a name that he knows is among
//! them, and nothing else.

use smallvec::SmallVec;

use crate::limits::PRINCIPALS_KEPT;

/// A set of keyed hashes, of which the smallest [`PRINCIPALS_KEPT`] are kept, ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Principals(SmallVec<[u64; 1]>);

impl Principals {
    /// A set of one.
    pub fn one(principal: Option<u64>) -> Principals {
        Principals(principal.into_iter().collect())
    }

    /// Adds one.
    pub fn add(&mut self, principal: u64) {
        if let Err(at) = self.0.binary_search(&principal)
            && at < PRINCIPALS_KEPT
        {
            self.0.truncate(PRINCIPALS_KEPT - 1);
            self.0.insert(at, principal);
        }
    }

    /// Adds all of another.
    pub fn merge(&mut self, other: &Principals) {
        other.0.iter().for_each(|&principal| self.add(principal));
    }

    /// Those that are kept, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u64> {
        self.0.iter().copied()
    }

    /// How many there were: exact below [`PRINCIPALS_KEPT`], an estimate from there on, from where the
    /// largest that is kept stands among all numbers (k minimum values).
    pub fn count(&self) -> u64 {
        match self.0.last() {
            Some(&largest) if self.0.len() == PRINCIPALS_KEPT => {
                let count = (PRINCIPALS_KEPT - 1) as f64 / (largest.max(1) as f64 / u64::MAX as f64);
                (count as u64).max(PRINCIPALS_KEPT as u64)
            }
            _ => self.0.len() as u64,
        }
    }
}

impl FromIterator<u64> for Principals {
    fn from_iter<I: IntoIterator<Item = u64>>(principals: I) -> Principals {
        let mut set = Principals::default();
        principals.into_iter().for_each(|principal| set.add(principal));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_order_and_split_gives_the_same() {
        let numbers: Vec<u64> = (1..=1000u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
        let whole: Principals = numbers.iter().copied().collect();
        let mut other: Principals = numbers[500..].iter().rev().copied().collect();
        other.merge(&numbers[..600].iter().copied().collect());
        assert_eq!(whole, other);
        assert!((500..2000).contains(&whole.count()), "{}", whole.count());
        assert_eq!(numbers[..7].iter().copied().collect::<Principals>().count(), 7);
    }
}
