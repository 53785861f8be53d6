//! One network a thread. A tensor may move between threads and not be shared, and matrix products
//! on one core each go further than one product on all; so each network lives on a thread of its
//! own, and work is sent to whichever is free.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use super::network::guarded;
use crate::{Error, Result};

type Work<N> = Box<dyn FnOnce(&mut N) + Send>;

/// Threads that own what they compute with.
pub(super) struct Pool<N> {
    queue: Option<Sender<Work<N>>>,
    threads: Vec<JoinHandle<()>>,
}

impl<N> std::fmt::Debug for Pool<N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("threads", &self.threads.len()).finish_non_exhaustive()
    }
}

impl<N: 'static> Pool<N> {
    /// Starts `threads` threads (at least one), each of which builds its own; returns when all are built.
    pub(super) fn start(threads: usize, build: impl Fn() -> Result<N> + Send + Sync + 'static) -> Result<Self> {
        let (queue, work) = channel::<Work<N>>();
        let (built, results) = channel();
        let (build, work) = (Arc::new(build), Arc::new(Mutex::new(work)));
        let mut pool = Self { queue: Some(queue), threads: Vec::new() };
        for i in 0..threads.max(1) {
            let (build, work, built) = (Arc::clone(&build), Arc::clone(&work), built.clone());
            let thread = std::thread::Builder::new()
                .name(format!("bert-{i}"))
                .spawn(move || match guarded(|| build()) {
                    Ok(mut owned) => {
                        // Both ends: a pool that was given up while its threads were starting is no error.
                        let _ = built.send(Ok(()));
                        drop(built);
                        serve(&mut owned, &work);
                    }
                    Err(error) => drop(built.send(Err(error))),
                })
                .map_err(|error| Error::Engine(format!("cannot start a thread: {error}")))?;
            pool.threads.push(thread);
        }
        drop(built);
        results.iter().collect::<Result<()>>()?;
        Ok(pool)
    }

    /// Sends one piece of work for each item and returns the results in the order of the items.
    pub(super) fn map<I, T>(
        &self,
        items: I,
        work: impl Fn(&mut N, I::Item) -> Result<T> + Send + Sync + 'static,
    ) -> Result<Vec<T>>
    where
        I: IntoIterator,
        I::Item: Send + 'static,
        T: Send + 'static,
    {
        let (work, (done, results)) = (Arc::new(work), channel());
        let gone = || Error::Engine("the threads of the model have stopped".to_owned());
        let queue = self.queue.as_ref().ok_or_else(gone)?;
        let mut count = 0;
        for (i, item) in items.into_iter().enumerate() {
            let (work, done) = (Arc::clone(&work), done.clone());
            let job: Work<N> = Box::new(move |owned| drop(done.send((i, guarded(|| work(owned, item))))));
            queue.send(job).map_err(|_| gone())?;
            count = i + 1;
        }
        drop(done);
        let mut ordered: Vec<Option<T>> = (0..count).map(|_| None).collect();
        for (i, result) in results {
            if let Some(place) = ordered.get_mut(i) {
                *place = Some(result?);
            }
        }
        ordered.into_iter().collect::<Option<_>>().ok_or_else(gone)
    }
}

fn serve<N>(owned: &mut N, work: &Mutex<Receiver<Work<N>>>) {
    tch::set_num_threads(1);
    let _no_grad = tch::no_grad_guard();
    loop {
        let next = work.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match next {
            Ok(job) => job(owned),
            Err(_) => return,
        }
    }
}

impl<N> Drop for Pool<N> {
    fn drop(&mut self) {
        self.queue = None;
        for thread in self.threads.drain(..) {
            // A thread that panicked has already answered its caller.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items_whatever_the_threads() {
        for threads in [1, 3] {
            let pool = Pool::start(threads, || Ok(10)).unwrap();
            let doubled = pool.map(0..50, |ten: &mut i32, x| Ok(x * *ten)).unwrap();
            assert_eq!(doubled, (0..50).map(|x| x * 10).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_panic_is_an_error_and_the_thread_lives_on() {
        let pool = Pool::start(1, || Ok(())).unwrap();
        let error = pool.map(0..3, |(), x| if x == 1 { panic!("boom {x}") } else { Ok(x) }).unwrap_err();
        assert!(error.to_string().contains("boom 1"), "{error}");
        assert_eq!(pool.map(0..3, |(), x| Ok(x)).unwrap(), [0, 1, 2]);
    }

    #[test]
    fn what_cannot_be_built_is_an_error() {
        let failed = Pool::<()>::start(2, || Err(Error::Engine("no weights".to_owned())));
        assert_eq!(failed.map(drop).unwrap_err().to_string(), "no weights");
    }
}
