//! Does blocking work one after the other, in the order in which it was asked for.
//!
//! Updates are taken in like that: pictures are looked at for a while, and a later update must not become the older
//! one by it.

use std::sync::Arc;

use tokio::sync::Mutex;

use crate::failure::{Exit, Failure};

/// Whose turn it is.
#[derive(Debug, Clone, Default)]
pub(super) struct Turn(Arc<Mutex<()>>);

impl Turn {
    /// Waits for its turn and does `work` on a thread that may block. Whoever asked may go: work that has begun keeps
    /// its turn to its end, other work is never begun.
    ///
    /// # Errors
    /// When `work` panics.
    pub(super) async fn take<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let turn = Arc::clone(&self.0).lock_owned().await;
        let working = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        working.await.map_err(|error| Failure::caused(Exit::Internal, &error))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use std::sync::mpsc::channel;

    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn work_whose_giver_has_gone_still_comes_before_what_was_asked_for_later() {
        let (turn, order) = (Turn::default(), Arc::new(std::sync::Mutex::new(Vec::new())));
        let (begun, begins) = oneshot::channel();
        let (go_on, goes_on) = channel::<()>();
        let (first, firsts) = (turn.clone(), Arc::clone(&order));
        let giver = tokio::spawn(async move {
            let work = move || {
                begun.send(()).unwrap();
                goes_on.recv().unwrap();
                firsts.lock().unwrap().push("first");
            };
            first.take(work).await
        });
        begins.await.unwrap();
        giver.abort();
        assert!(giver.await.unwrap_err().is_cancelled());

        let seconds = Arc::clone(&order);
        let second = turn.take(move || seconds.lock().unwrap().push("second"));
        tokio::pin!(second);
        tokio::select! {
            biased;
            _ = &mut second => panic!("it is not its turn"),
            () = std::future::ready(()) => {}
        }
        go_on.send(()).unwrap();
        second.await.unwrap();
        assert_eq!(*order.lock().unwrap(), ["first", "second"]);
    }

    #[tokio::test]
    async fn work_that_panics_gives_its_turn_back() {
        let turn = Turn::default();
        assert!(turn.take(|| panic!("on purpose")).await.is_err());
        assert_eq!(turn.take(|| 7).await.unwrap(), 7);
    }
}
