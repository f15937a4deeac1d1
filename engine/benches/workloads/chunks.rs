//! Parallel loops of the hand-written programs: threads that take the next piece of work until there is none.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

const CHUNK: usize = 4 << 20;

/// Cuts a text at line ends.
pub(crate) fn chunks(text: &[u8]) -> Vec<&[u8]> {
    let mut chunks = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let line_end = memchr::memchr(b'\n', &rest[CHUNK.min(rest.len())..]);
        let (chunk, behind) = rest.split_at(line_end.map_or(rest.len(), |at| CHUNK + at + 1));
        chunks.push(chunk);
        rest = behind;
    }
    chunks
}

/// Each thread folds pieces into a state of its own.
pub(crate) fn fold<T: Sync, S: Send>(
    threads: usize,
    pieces: &[T],
    new: impl Fn() -> S + Sync,
    step: impl Fn(&mut S, &T) + Sync,
) -> Vec<S> {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let work = || {
            let mut state = new();
            while let Some(piece) = pieces.get(next.fetch_add(1, Ordering::Relaxed)) {
                step(&mut state, piece);
            }
            state
        };
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        running.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    })
}

/// One result for each piece, in their order.
pub(crate) fn map<T: Send, R: Send>(threads: usize, pieces: Vec<T>, f: impl Fn(T) -> R + Sync) -> Vec<R> {
    let pieces: Vec<Mutex<Option<T>>> = pieces.into_iter().map(|piece| Mutex::new(Some(piece))).collect();
    let numbers: Vec<usize> = (0..pieces.len()).collect();
    let done = fold(threads, &numbers, Vec::new, |done, at| {
        let piece = pieces[*at].lock().expect("no panic").take().expect("each piece is taken once");
        done.push((*at, f(piece)));
    });
    let mut done: Vec<(usize, R)> = done.into_iter().flatten().collect();
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}
