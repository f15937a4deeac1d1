//! Batches: rows of one type whose type has been erased. They are what flows between the monomorphised loops of the
//! operators; everything here that is not a loop over rows is non-generic and compiled once, in the engine.
//!
//! A batch owns the rows `head..len` of its memory. A consuming loop advances `head` *before* it hands a row to user
//! code and a producing loop advances `len` *after* it has written one, so a panic at any point drops every row exactly
//! once, without a guard in generic code.

mod loan;
mod rows;
mod select;

pub use rows::{drain_rows, filter_rows, map_rows, take_row};
pub(crate) use select::{Mask, Selected};

use std::alloc::Layout;
use std::any::TypeId;
use std::marker::PhantomData;

/// Bytes that a batch in a pipeline may hold (at least one row). Measured: 1 KB costs a third more, 1 MB two thirds.
pub const BATCH_BYTES: usize = 16 * 1024;

/// What the engine knows of a row type.
#[derive(Debug)]
pub struct ElemVt {
    /// `size_of`.
    pub size: usize,
    /// `align_of`.
    pub align: usize,
    /// Drops `n` rows in place; none if there is nothing to drop.
    pub drop: Option<unsafe fn(*mut u8, usize)>,
    /// The row type.
    pub type_id: fn() -> TypeId,
    /// `Rdd<T>` of it, so that a variable store can recognise RDDs.
    pub rdd_type_id: fn() -> TypeId,
    /// `type_name`.
    pub name: fn() -> &'static str,
}

/// Carrier of the table of a row type: `Elem::<T>::VT`.
pub struct Elem<T>(PhantomData<T>);

impl<T: 'static> Elem<T> {
    /// The table; a promoted constant of the crate that instantiates it.
    pub const VT: &'static ElemVt = &ElemVt {
        size: size_of::<T>(),
        align: align_of::<T>(),
        drop: if std::mem::needs_drop::<T>() { Some(drop_rows::<T>) } else { None },
        type_id: TypeId::of::<T>,
        rdd_type_id: TypeId::of::<crate::rdd::Rdd<T>>,
        name: std::any::type_name::<T>,
    };
}

unsafe fn drop_rows<T>(rows: *mut u8, n: usize) {
    // SAFETY: the caller owns `n` initialised rows of type `T` at `rows`.
    unsafe { std::ptr::drop_in_place(std::ptr::slice_from_raw_parts_mut(rows as *mut T, n)) }
}

/// Rows of one erased type.
#[derive(Debug)]
pub struct Batch {
    /// The rows' memory, aligned for them also when nothing is allocated.
    pub ptr: *mut u8,
    /// Index of the first row that is still owned.
    pub head: usize,
    /// Index behind the last row.
    pub len: usize,
    /// How many rows a producer should write at most; a pipeline sets it.
    pub limit: usize,
    /// Whether a filter may leave its rows in its input and put its answers here.
    pub(crate) mask: Mask,
    /// Whether a source may put rows on loan here (see `loan`).
    pub(crate) may_borrow: bool,
    /// The batch that owns the rows, counted; null if that is this one.
    lender: *const SharedBatch,
    elem: &'static ElemVt,
    layout: Layout,
    /// Rows that the memory can hold.
    capacity: usize,
}

impl Batch {
    /// An empty batch without memory.
    #[inline(never)]
    pub fn new(elem: &'static ElemVt) -> Batch {
        // SAFETY: there is no row and no memory.
        unsafe { Batch::from_parts(elem, dangling(elem.align), 0, 0) }
    }

    /// The table of its row type.
    pub fn elem(&self) -> &'static ElemVt {
        self.elem
    }

    /// Number of rows.
    #[inline]
    pub fn rows(&self) -> usize {
        self.len - self.head
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len == self.head
    }

    /// Number of rows the memory can hold.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Bytes of memory held (not counting what rows own elsewhere).
    pub fn bytes(&self) -> usize {
        self.layout.size()
    }

    /// Address of row `i`, counted from the first owned one.
    #[inline]
    pub fn row(&self, i: usize) -> *mut u8 {
        self.ptr.wrapping_add((self.head + i) * self.elem.size)
    }

    /// Makes room for `more` rows behind the last one.
    #[inline(never)]
    pub fn reserve(&mut self, more: usize) {
        let need = self.len.checked_add(more).unwrap_or_else(|| capacity_overflow());
        if need > self.capacity() {
            let rows = need.max(self.capacity().saturating_mul(2));
            let bytes = rows.checked_mul(self.elem.size).unwrap_or_else(|| capacity_overflow());
            self.resize(bytes);
        }
    }

    fn resize(&mut self, bytes: usize) {
        assert!(!self.is_on_loan(), "rows are added to those on loan");
        let new = layout_of(bytes, self.layout.align());
        // SAFETY: `layout` is the layout of the current allocation, `new` has the same alignment and is not empty: the
        // caller asks for more rows of non-zero size than there are.
        let ptr = unsafe {
            if self.layout.size() == 0 {
                std::alloc::alloc(new)
            } else {
                std::alloc::realloc(self.ptr, self.layout, new.size())
            }
        };
        if ptr.is_null() {
            std::alloc::handle_alloc_error(new)
        }
        self.ptr = ptr;
        self.layout = new;
        self.capacity = rows_in(new, self.elem);
    }

    /// Drops all rows, keeps the memory.
    #[inline(never)]
    pub fn clear(&mut self) {
        if self.is_on_loan() {
            return self.give_back();
        }
        let (rows, n) = (self.row(0), self.rows());
        // Emptied first: if a row's drop panics, the others leak instead of being dropped twice.
        self.head = 0;
        self.len = 0;
        if let (Some(drop), 1..) = (self.elem.drop, n) {
            // SAFETY: the rows `head..len` were owned and initialised, and nobody else can reach them now.
            unsafe { drop(rows, n) }
        }
    }

    /// Keeps the first `n` rows.
    pub fn truncate(&mut self, n: usize) {
        if n < self.rows() {
            let (rows, count) = (self.row(n), self.rows() - n);
            self.len = self.head + n;
            if let (Some(drop), false) = (self.elem.drop, self.is_on_loan()) {
                // SAFETY: the rows behind the new length were owned, initialised and are forgotten now.
                unsafe { drop(rows, count) }
            }
        }
    }

    /// Reuses the memory for rows of another type; drops the present ones.
    pub fn retype(&mut self, elem: &'static ElemVt) {
        self.clear();
        self.mask = Mask::Unwanted;
        self.may_borrow = false;
        if elem.align > self.layout.align() {
            *self = Batch::new(elem);
        } else {
            self.elem = elem;
            self.capacity = rows_in(self.layout, elem);
        }
    }

    /// Moves up to `n` rows from the front of `self` to the end of `to`. Both must hold the same row type. Rows on loan are lent
    /// on.
    pub fn move_rows(&mut self, to: &mut Batch, n: usize) {
        debug_assert!(same_type(self.elem, to.elem), "rows moved between types");
        let n = n.min(self.rows());
        if self.is_on_loan() {
            return self.lend_on(to, n);
        }
        to.reserve(n);
        // SAFETY: `n` owned rows of one type are copied into reserved memory of another batch; ownership moves with the
        // two counters.
        unsafe { std::ptr::copy_nonoverlapping(self.row(0), to.ptr.add(to.len * to.elem.size), n * self.elem.size) }
        self.head += n;
        to.len += n;
        if self.is_empty() {
            self.head = 0;
            self.len = 0;
        }
    }

    /// Moves all rows to the end of `to`; without copying if `to` is empty.
    pub fn append_to(&mut self, to: &mut Batch) {
        if to.is_empty() && to.capacity() < self.rows() {
            std::mem::swap(self, to);
            self.clear();
        } else {
            self.move_rows(to, usize::MAX);
        }
    }

    /// Drops row `i`, whose place the last one takes.
    pub(crate) fn swap_remove(&mut self, i: usize) {
        debug_assert!(i < self.rows(), "a row is removed that is not there");
        let last = self.rows() - 1;
        if i < last {
            // SAFETY: two rows of the batch, which do not overlap.
            unsafe { std::ptr::swap_nonoverlapping(self.row(i), self.row(last), self.elem.size) }
        }
        self.truncate(last);
    }

    /// Puts the rows into the order `order` (a permutation of `0..rows`).
    pub fn permute(&mut self, order: &[u32]) {
        debug_assert_eq!(order.len(), self.rows(), "a permutation names every row once");
        let mut sorted = Batch::new(self.elem);
        sorted.reserve(order.len());
        for (i, &from) in order.iter().enumerate() {
            // SAFETY: every row is copied exactly once to reserved memory; `self` forgets them all below.
            unsafe {
                let to = sorted.ptr.add(i * self.elem.size);
                copy_row(self.row(from as usize), to, self.elem.size);
            }
        }
        sorted.len = order.len();
        self.head = 0;
        self.len = 0;
        *self = sorted;
    }

    /// Keeps the rows for which `keep(index)` holds, in order.
    pub fn retain_indices(&mut self, keep: &mut dyn FnMut(usize) -> bool) {
        let size = self.elem.size;
        let mut all = std::mem::replace(self, Batch::new(self.elem));
        self.reserve(all.rows());
        let n = all.rows();
        for i in 0..n {
            let row = all.row(0);
            all.head += 1;
            // SAFETY: row `i` has just left `all`; it is moved to reserved memory, or dropped here.
            unsafe {
                if keep(i) {
                    std::ptr::copy_nonoverlapping(row, self.ptr.add(self.len * size), size);
                    self.len += 1;
                } else if let Some(drop) = self.elem.drop {
                    drop(row, 1);
                }
            }
        }
    }

    /// The rows as a vector.
    ///
    /// # Safety
    /// The batch holds rows of type `T`.
    #[inline]
    pub unsafe fn into_vec<T>(mut self) -> Vec<T> {
        let (ptr, len, capacity) = self.take_parts();
        // SAFETY: `take_parts` gives up memory laid out as `Vec<T>` wants it, with `len` initialised rows at its start.
        unsafe { Vec::from_raw_parts(ptr as *mut T, len, capacity) }
    }

    /// Pointer, length and capacity of an allocation with exactly the layout of `[T; capacity]`.
    #[inline(never)]
    fn take_parts(&mut self) -> (*mut u8, usize, usize) {
        assert!(!self.is_on_loan(), "rows on loan are taken");
        let size = self.elem.size;
        let fits = self.head == 0
            && self.layout.align() == self.elem.align
            // A vector of zero-sized rows frees no memory, so it must get none.
            && self.layout.size().checked_rem(size).unwrap_or(self.layout.size()) == 0;
        if !fits {
            let mut exact = Batch::new(self.elem);
            self.move_rows(&mut exact, usize::MAX);
            return exact.take_parts();
        }
        // A vector of zero-sized rows has room for any number.
        let capacity = self.layout.size().checked_div(size).unwrap_or(self.len);
        let parts = (self.ptr, self.len, capacity);
        self.ptr = dangling(self.elem.align);
        self.len = 0;
        self.layout = layout_of(0, self.elem.align);
        self.capacity = rows_in(self.layout, self.elem);
        parts
    }

    /// Takes over the rows of a vector.
    pub fn from_vec<T: 'static>(rows: Vec<T>) -> Batch {
        let mut rows = std::mem::ManuallyDrop::new(rows);
        // SAFETY: the vector's parts describe an allocation of that layout with that many rows; the vector is forgotten.
        unsafe { Batch::from_parts(Elem::<T>::VT, rows.as_mut_ptr() as *mut u8, rows.len(), rows.capacity()) }
    }

    #[inline(never)]
    unsafe fn from_parts(elem: &'static ElemVt, ptr: *mut u8, len: usize, capacity: usize) -> Batch {
        let bytes = if elem.size == 0 { 0 } else { capacity * elem.size };
        let layout = layout_of(bytes, elem.align);
        let capacity = rows_in(layout, elem);
        let (limit, mask, may_borrow, lender) = (usize::MAX, Mask::Unwanted, false, std::ptr::null());
        Batch { ptr, head: 0, len, limit, mask, may_borrow, lender, elem, layout, capacity }
    }

    /// Appends a row.
    ///
    /// # Safety
    /// The batch holds rows of type `T`.
    #[inline]
    pub unsafe fn push<T>(&mut self, row: T) {
        self.reserve(1);
        // SAFETY: there is room for one more row behind the last one.
        unsafe { (self.ptr as *mut T).add(self.len).write(row) }
        self.len += 1;
    }
}

impl Drop for Batch {
    #[inline(never)]
    fn drop(&mut self) {
        self.clear();
        if self.layout.size() != 0 {
            // SAFETY: `ptr` was allocated with `layout`.
            unsafe { std::alloc::dealloc(self.ptr, self.layout) }
        }
    }
}

/// A batch whose rows are `Send + Sync`: results on their way to the driver, cached blocks, range bounds.
#[derive(Debug)]
pub struct SharedBatch(Batch);

// SAFETY: the only constructor asks its caller for rows that are `Send`; the memory itself is owned.
unsafe impl Send for SharedBatch {}
// SAFETY: the only constructor asks its caller for rows that are `Sync`; `&Batch` gives no access to them but by unsafe code
// that reads.
unsafe impl Sync for SharedBatch {}

impl SharedBatch {
    /// Lets a batch cross threads.
    ///
    /// # Safety
    /// The rows' type is `Send + Sync`.
    pub unsafe fn new(batch: Batch) -> SharedBatch {
        SharedBatch(batch)
    }

    /// The batch.
    pub fn get(&self) -> &Batch {
        &self.0
    }

    /// The batch, to be changed.
    pub fn get_mut(&mut self) -> &mut Batch {
        &mut self.0
    }

    /// The batch, taken out.
    pub fn into_batch(self) -> Batch {
        self.0
    }
}

/// Whether two tables describe the same row type (the tables themselves may be copies in different libraries).
pub fn same_type(a: &'static ElemVt, b: &'static ElemVt) -> bool {
    std::ptr::eq(a, b) || (a.type_id)() == (b.type_id)()
}

/// Copies a row whose type is not known here. The usual sizes need no call of `memcpy`.
///
/// # Safety
/// Both addresses are those of rows of this size, which do not overlap.
#[inline(always)]
pub(crate) unsafe fn copy_row(from: *const u8, to: *mut u8, size: usize) {
    // SAFETY: passed on from the caller.
    unsafe {
        match size {
            8 => std::ptr::copy_nonoverlapping(from, to, 8),
            16 => std::ptr::copy_nonoverlapping(from, to, 16),
            24 => std::ptr::copy_nonoverlapping(from, to, 24),
            32 => std::ptr::copy_nonoverlapping(from, to, 32),
            _ => std::ptr::copy_nonoverlapping(from, to, size),
        }
    }
}

/// Appends a row to a vector, which grows in the engine: what `Vec::push` needs for that is several times this.
#[inline]
pub(crate) fn append<T: 'static>(rows: &mut Vec<T>, row: T) {
    if rows.len() == rows.capacity() {
        make_room(rows);
    }
    // SAFETY: there is room for one more row.
    unsafe {
        let len = rows.len();
        rows.as_mut_ptr().add(len).write(row);
        rows.set_len(len + 1);
    }
}

#[cold]
#[inline(never)]
fn make_room<T: 'static>(rows: &mut Vec<T>) {
    let mut batch = Batch::from_vec(std::mem::take(rows));
    batch.reserve(if batch.is_empty() { 4 } else { 1 });
    // SAFETY: the batch was made of a vector of this type.
    *rows = unsafe { batch.into_vec() };
}

/// Memory for `n` rows, laid out as a vector's.
#[inline(never)]
pub(crate) fn allocate(elem: &'static ElemVt, n: usize) -> *mut u8 {
    let layout = layout_of(n.checked_mul(elem.size).unwrap_or_else(|| capacity_overflow()), elem.align);
    if layout.size() == 0 {
        return dangling(elem.align);
    }
    // SAFETY: the layout is not empty.
    let ptr = unsafe { std::alloc::alloc(layout) };
    if ptr.is_null() {
        std::alloc::handle_alloc_error(layout)
    }
    ptr
}

fn rows_in(layout: Layout, elem: &ElemVt) -> usize {
    layout.size().checked_div(elem.size).unwrap_or(usize::MAX)
}

fn layout_of(bytes: usize, align: usize) -> Layout {
    Layout::from_size_align(bytes, align).unwrap_or_else(|_| capacity_overflow())
}

fn dangling(align: usize) -> *mut u8 {
    std::ptr::without_provenance_mut(align)
}

#[cold]
#[inline(never)]
fn capacity_overflow() -> ! {
    panic!("a batch of rows exceeds the address space")
}
