//! Tables of `u64` keys, split by hash into pieces that fit the second-level cache: rows gather in a buffer for each piece, and a
//! full buffer is worked off while its piece is in the cache.

/// Pieces of a table.
pub(crate) const PIECES: usize = 64;
/// Rows that gather for one piece.
const BUFFERED: usize = 4096;

/// Mixes a key: the upper bits choose the piece, those below them the slot.
#[inline]
pub(crate) fn mix(key: u64) -> u64 {
    key.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[inline]
pub(crate) fn piece(hash: u64) -> usize {
    (hash >> 58) as usize
}

/// Rows on their way to the pieces.
pub(crate) struct Buffers<T> {
    rows: Vec<Vec<T>>,
}

impl<T> Buffers<T> {
    pub(crate) fn new() -> Buffers<T> {
        Buffers { rows: (0..PIECES).map(|_| Vec::with_capacity(BUFFERED)).collect() }
    }

    /// Adds a row; `work` is given the rows of a piece whose buffer is full.
    #[inline]
    pub(crate) fn push(&mut self, piece: usize, row: T, work: impl FnOnce(usize, &[T])) {
        let rows = &mut self.rows[piece];
        if rows.len() == BUFFERED {
            work(piece, rows);
            rows.clear();
        }
        rows.push(row);
    }

    /// Works off what is left.
    pub(crate) fn finish(&mut self, mut work: impl FnMut(usize, &[T])) {
        for (piece, rows) in self.rows.iter_mut().enumerate() {
            work(piece, rows);
            rows.clear();
        }
    }
}

/// Open addressing with linear probing; the key 0 has a place of its own.
pub(crate) struct Table<V> {
    slots: Vec<(u64, V)>,
    used: usize,
    zero: Option<V>,
}

impl<V: Copy + Default> Table<V> {
    pub(crate) fn new() -> Table<V> {
        Table { slots: vec![(0, V::default()); 1024], used: 0, zero: None }
    }

    #[inline]
    fn start(&self, key: u64) -> usize {
        (mix(key) >> 24) as usize & (self.slots.len() - 1)
    }

    /// The value of a key, made if it is not there.
    #[inline]
    pub(crate) fn entry(&mut self, key: u64) -> &mut V {
        if key == 0 {
            return self.zero.get_or_insert_default();
        }
        if self.used * 8 >= self.slots.len() * 5 {
            self.grow();
        }
        let mask = self.slots.len() - 1;
        let mut slot = self.start(key);
        loop {
            let known = self.slots[slot].0;
            if known == key {
                break;
            }
            if known == 0 {
                self.used += 1;
                self.slots[slot].0 = key;
                break;
            }
            slot = (slot + 1) & mask;
        }
        &mut self.slots[slot].1
    }

    #[inline]
    pub(crate) fn get(&self, key: u64) -> Option<V> {
        if key == 0 {
            return self.zero;
        }
        let mask = self.slots.len() - 1;
        let mut slot = self.start(key);
        loop {
            match self.slots[slot] {
                (known, value) if known == key => return Some(value),
                (0, _) => return None,
                _ => slot = (slot + 1) & mask,
            }
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, V)> {
        let zero = self.zero.map(|value| (0, value));
        self.slots.iter().copied().filter(|(key, _)| *key != 0).chain(zero)
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self) {
        let double = self.slots.len() * 2;
        let old = std::mem::replace(&mut self.slots, vec![(0, V::default()); double]);
        self.used = 0;
        for (key, value) in old {
            if key != 0 {
                *self.entry(key) = value;
            }
        }
    }
}
