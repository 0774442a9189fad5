//! A bounded queue that is fair between those who fill it: organisations that file, licences that are
//! drawn down.
//!
//! A filer who sends a hundred thousand filings does not keep the next one waiting: batches are
//! filled one owner after the other.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
    sync::{Mutex, PoisonError},
};
use tokio::sync::Notify;

/// Items that wait, by owner.
#[derive(Debug)]
pub(crate) struct FairQueue<Owner, Item> {
    state: Mutex<State<Owner, Item>>,
    arrived: Notify,
    capacity: usize,
    capacity_per_owner: usize,
}

#[derive(Debug)]
struct State<Owner, Item> {
    waiting: HashMap<Owner, VecDeque<Item>>,
    /// Owners with something waiting, whose turn it is first.
    turns: VecDeque<Owner>,
    length: usize,
    closed: bool,
}

impl<Owner: Copy + Eq + Hash, Item> FairQueue<Owner, Item> {
    pub(crate) fn new(capacity: usize, capacity_per_owner: usize) -> Self {
        let state =
            State { waiting: HashMap::new(), turns: VecDeque::new(), length: 0, closed: false };
        Self { state: Mutex::new(state), arrived: Notify::new(), capacity, capacity_per_owner }
    }

    /// Adds an item, or gives it back when there is no room for it.
    pub(crate) fn push(&self, owner: Owner, item: Item) -> Result<(), Item> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.closed || self.capacity <= state.length {
            return Err(item);
        }
        let waiting = state.waiting.entry(owner).or_default();
        if self.capacity_per_owner <= waiting.len() {
            return Err(item);
        }
        waiting.push_back(item);
        let is_first = waiting.len() == 1;
        if is_first {
            state.turns.push_back(owner);
        }
        state.length += 1;
        drop(state);
        self.arrived.notify_one();
        Ok(())
    }

    /// Waits until something is there and takes at most `most` items, the owners in turn.
    /// Nothing once the queue is closed and empty.
    pub(crate) async fn take(&self, most: usize) -> Vec<Item> {
        loop {
            let arrived = self.arrived.notified();
            {
                let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                if 0 < state.length || state.closed {
                    return state.take(most);
                }
            }
            arrived.await;
        }
    }

    /// Nothing more can be added; what waits can still be taken.
    pub(crate) fn close(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        self.arrived.notify_waiters();
    }

    /// How many items wait.
    pub(crate) fn len(&self) -> usize {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).length
    }
}

impl<Owner: Copy + Eq + Hash, Item> State<Owner, Item> {
    fn take(&mut self, most: usize) -> Vec<Item> {
        let mut taken = Vec::with_capacity(most.min(self.length));
        while taken.len() < most {
            let Some(owner) = self.turns.pop_front() else { break };
            let waiting = self.waiting.get_mut(&owner).expect("an owner with a turn has a queue");
            taken.extend(waiting.pop_front());
            if waiting.is_empty() {
                self.waiting.remove(&owner);
            } else {
                self.turns.push_back(owner);
            }
        }
        self.length -= taken.len();
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_busy_owner_does_not_keep_others_waiting() {
        let queue = FairQueue::new(100, 100);
        for item in 0..10 {
            queue.push("busy", item).unwrap();
        }
        queue.push("quiet", 99).unwrap();
        assert_eq!(queue.take(4).await, [0, 99, 1, 2]);
        assert_eq!(queue.len(), 7);
    }

    #[tokio::test]
    async fn everybody_who_waits_hears_that_it_is_closed() {
        let queue: FairQueue<&str, i32> = FairQueue::new(1, 1);
        let close = async { queue.close() };
        let (first, second, ()) = tokio::join!(queue.take(1), queue.take(1), close);
        assert!(first.is_empty() && second.is_empty());
    }

    #[tokio::test]
    async fn a_full_queue_gives_the_item_back() {
        let queue = FairQueue::new(3, 2);
        assert_eq!(queue.push("a", 1), Ok(()));
        assert_eq!(queue.push("a", 2), Ok(()));
        assert_eq!(queue.push("a", 3), Err(3));
        assert_eq!(queue.push("b", 4), Ok(()));
        assert_eq!(queue.push("c", 5), Err(5));
        queue.take(10).await;
        assert_eq!(queue.push("a", 6), Ok(()));
    }

    #[tokio::test]
    async fn a_closed_queue_is_emptied_and_then_answers_nothing() {
        let queue = FairQueue::new(3, 3);
        queue.push("a", 1).unwrap();
        queue.close();
        assert_eq!(queue.push("a", 2), Err(2));
        assert_eq!(queue.take(10).await, [1]);
        assert!(queue.take(10).await.is_empty());
    }
}
