//! User closures, erased. What may be shipped is decided here, when an operator is applied and on every master alike: a
//! closure without captures, a `fn` item, a `fn` pointer, or one that was rebuilt from a serialised environment
//! (`with_env`). Memory layout of captures is never interpreted.
//!
//! Operators ask for `'static`, so a closure that borrows is refused by rustc, in words that cannot name
//! `#[dpark::closures]`. Without the bound the message would be ours, but a zero-sized closure may hold a zero-sized
//! proof with a lifetime (that a lock is held, say, as `critical_section`'s token is), nothing tells it from a closure
//! without captures, and it would be kept and called after the proof has expired.

mod shipped;

pub(crate) use shipped::{ShippedAccumulator, ShippedClosure};

use crate::capture::{LoadFn, SavedEnv};
use crate::codec::{CodecError, Reader};
use crate::data::Data;
use crate::error::Failure;
use crate::handle::handle;
use crate::task::{Stop, TaskContext};
use std::alloc::Layout;
use std::any::TypeId;
use std::marker::PhantomData;
use std::sync::Arc;

/// What the engine knows of a closure type.
#[derive(Debug)]
pub struct ClosureVt {
    size: usize,
    align: usize,
    drop: Option<unsafe fn(*mut u8)>,
}

/// Carrier of the table of the closure type `F`.
struct Vt<F>(PhantomData<F>);

impl<F: 'static> Vt<F> {
    const VT: &'static ClosureVt = &ClosureVt {
        size: size_of::<F>(),
        align: align_of::<F>(),
        drop: if std::mem::needs_drop::<F>() { Some(drop_value::<F>) } else { None },
    };
}

/// Whether a function may be copied as it is: it captures nothing, or it is a `fn` pointer of type `P`.
#[inline]
pub(crate) fn ships<F: 'static, P: 'static>() -> bool {
    size_of::<F>() == 0 || TypeId::of::<F>() == TypeId::of::<P>()
}

unsafe fn drop_value<F>(value: *mut u8) {
    // SAFETY: the caller owns an initialised `F` at `value`.
    unsafe { std::ptr::drop_in_place(value as *mut F) }
}

handle! {
    /// A closure value behind an opaque handle; cheap to clone.
    pub struct Closure(Inner);
}

/// What the handle shares.
pub(crate) struct Inner {
    value: Value,
    /// How to make another value; none for closures without environment.
    rebuild: Option<Rebuild>,
}

/// An owned closure value. Its type is `Send + Sync`: every operator asks for that.
struct Value {
    ptr: *mut u8,
    vt: &'static ClosureVt,
}

// SAFETY: operators only accept closures that are `Send + Sync`, and `Value` gives out nothing but their address.
unsafe impl Send for Value {}
// SAFETY: as above.
unsafe impl Sync for Value {}

struct Rebuild {
    make: MakeFn,
    env: SavedEnv,
}

/// Makes a closure value from a serialised environment.
type MakeFn = unsafe fn(LoadFn, &mut Reader<'_>, *mut u8) -> Result<(), CodecError>;

impl Closure {
    /// A closure handed to an operator without `with_env`. `P` is the `fn` pointer type with the operator's signature.
    ///
    /// # Panics
    /// If the closure captures anything: what it captures could not be copied to another process.
    #[inline]
    #[track_caller]
    pub fn plain<F: Send + Sync + 'static, P: 'static>(f: F, operator: &'static str) -> Closure {
        Closure::accept(f, ships::<F, P>(), operator)
    }

    /// Some value of the engine's own that closures are found in: the caller has made sure that they may be shipped.
    #[inline]
    #[track_caller]
    pub(crate) fn accept<F: Send + Sync + 'static>(f: F, ships: bool, operator: &'static str) -> Closure {
        let f = std::mem::ManuallyDrop::new(f);
        // SAFETY: `f` is a value of the table's type and is forgotten.
        unsafe { Closure::store(&raw const f as *const u8, Vt::<F>::VT, ships, operator) }
    }

    #[inline(never)]
    #[track_caller]
    unsafe fn store(source: *const u8, vt: &'static ClosureVt, ships: bool, operator: &'static str) -> Closure {
        if !ships {
            refuse(vt.size, operator)
        }
        let value = Value::alloc(vt);
        // SAFETY: the caller gives up `size` bytes at `source`, which are a value of the table's type.
        unsafe { std::ptr::copy_nonoverlapping(source, value.ptr, vt.size) }
        Closure::wrap(Arc::new(Inner { value, rebuild: None }))
    }

    /// A closure made by a factory (which captures nothing) from an environment.
    ///
    /// # Safety
    /// The environment's values have the type `O`.
    #[inline]
    #[track_caller]
    pub unsafe fn from_env<O, G: Fn(O) -> F, F: Send + Sync + 'static>(env: SavedEnv, _factory: &G) -> Closure {
        const { assert!(size_of::<G>() == 0, "{}", FACTORY_CAPTURES) }
        // SAFETY: `make` writes a value of the table's type; the environment's values have the type it reads.
        unsafe { Closure::build(env, make::<O, G, F>, Vt::<F>::VT) }
    }

    /// The same for an operator that takes two closures: each is made from an environment of its own, and they are kept
    /// behind `seed` (the zero value of an aggregation; `()` if there is none) as a tuple `(seed, f, g)`.
    ///
    /// # Safety
    /// The environment's values have the type `O`.
    #[inline]
    #[track_caller]
    pub(crate) unsafe fn from_env2<Z, O, G1, F1, G2, F2>(env: SavedEnv, seed: &Z, _factories: &(G1, G2)) -> Closure
    where
        Z: Data,
        G1: Fn(O) -> F1,
        F1: Send + Sync + 'static,
        G2: Fn(O) -> F2,
        F2: Send + Sync + 'static,
    {
        const { assert!(size_of::<(G1, G2)>() == 0, "{}", FACTORY_CAPTURES) }
        let env = env.followed_by(seed);
        // SAFETY: `make2` writes a value of the table's type; the environment's values have the type it reads.
        unsafe { Closure::build(env, make2::<Z, O, G1, F1, G2, F2>, Vt::<(Z, F1, F2)>::VT) }
    }

    /// The same for three closures without a seed: a tuple `(f, g, h)`.
    ///
    /// # Safety
    /// The environment's values have the type `O`.
    #[inline]
    #[track_caller]
    pub(crate) unsafe fn from_env3<O, G1, F1, G2, F2, G3, F3>(env: SavedEnv, _factories: &(G1, G2, G3)) -> Closure
    where
        G1: Fn(O) -> F1,
        F1: Send + Sync + 'static,
        G2: Fn(O) -> F2,
        F2: Send + Sync + 'static,
        G3: Fn(O) -> F3,
        F3: Send + Sync + 'static,
    {
        const { assert!(size_of::<(G1, G2, G3)>() == 0, "{}", FACTORY_CAPTURES) }
        // SAFETY: as in `from_env2`.
        unsafe { Closure::build(env, make3::<O, G1, F1, G2, F2, G3, F3>, Vt::<(F1, F2, F3)>::VT) }
    }

    /// A value and two closures that capture nothing, as a tuple `(seed, f, g)`.
    #[inline]
    #[track_caller]
    pub(crate) fn seeded<Z: Data, F, G>(seed: Z, f: F, g: G, ships: bool, operator: &'static str) -> Closure
    where
        F: Send + Sync + 'static,
        G: Send + Sync + 'static,
    {
        if !ships {
            refuse(size_of::<(F, G)>(), operator)
        }
        let env = SavedEnv::seeded(&seed, [address(&f), address(&g)].into_iter().flatten().collect());
        // The functions live on: others of their type are made from nothing.
        std::mem::forget((f, g));
        // SAFETY: `make_seeded` reads what `seeded` has written, and writes a value of the table's type.
        unsafe { Closure::build(env, make_seeded::<Z, F, G>, Vt::<(Z, F, G)>::VT) }
    }

    #[inline(never)]
    #[track_caller]
    unsafe fn build(env: SavedEnv, make: MakeFn, vt: &'static ClosureVt) -> Closure {
        let rebuild = Rebuild { make, env };
        match rebuild.value(vt, None) {
            Ok(value) => Closure::wrap(Arc::new(Inner { value, rebuild: Some(rebuild) })),
            Err(error) => panic!("a captured variable does not survive serialisation: {error}"),
        }
    }

    /// An operator without user code.
    pub fn none() -> Closure {
        Closure::plain::<fn(), fn()>(|| (), "")
    }

    /// The closure for one task: the same value, or a fresh one if it holds accumulators.
    pub(crate) fn for_task(&self, task: &TaskContext) -> Result<Closure, Stop> {
        let inner = self.arc();
        match &inner.rebuild {
            Some(rebuild) if !rebuild.env.accumulators.is_empty() => {
                let value = rebuild
                    .value(inner.value.vt, Some(task))
                    .map_err(|error| Failure::Other(format!("a captured variable cannot be rebuilt: {error}")))?;
                Ok(Closure::wrap(Arc::new(Inner { value, rebuild: None })))
            }
            _ => Ok(self.clone()),
        }
    }

    /// Address of the value.
    pub(crate) fn ptr(&self) -> *const u8 {
        self.arc().value.ptr
    }
}

impl std::fmt::Debug for Closure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("closure")
    }
}

#[cold]
#[inline(never)]
#[track_caller]
fn refuse(size: usize, operator: &str) -> ! {
    let caller = std::panic::Location::caller();
    panic!(
        "{operator} at {}:{}: this closure captures {size} bytes of variables, which cannot be sent to tasks as they are; \
         put #[dpark::closures] on the function around it, or write \
         .with_env((&a, &b)).{operator}(|(a, b)| move |..| ..) with the captured variables",
        caller.file(),
        caller.line()
    )
}

const FACTORY_CAPTURES: &str =
    "the outer closure of with_env(..) must not capture anything: list every captured variable in with_env(..)";

/// Reads an environment and calls a factory with it.
///
/// # Safety
/// `load` writes an `O`; `G` is zero-sized, and a value of it exists.
#[inline]
unsafe fn call<O, G: Fn(O) -> F, F>(load: LoadFn, input: &mut Reader<'_>) -> Result<F, CodecError> {
    let mut env = std::mem::MaybeUninit::<O>::uninit();
    // SAFETY: `load` writes an `O`. Any aligned address is one of a zero-sized value that exists.
    unsafe {
        load(input, env.as_mut_ptr() as *mut u8)?;
        let factory = std::ptr::NonNull::<G>::dangling();
        Ok((factory.as_ref())(env.assume_init()))
    }
}

unsafe fn make<O, G: Fn(O) -> F, F>(load: LoadFn, input: &mut Reader<'_>, out: *mut u8) -> Result<(), CodecError> {
    // SAFETY: the factory is zero-sized (checked in `from_env`) and a value of it existed there; `out` is memory for an `F`.
    unsafe { (out as *mut F).write(call::<O, G, F>(load, input)?) }
    Ok(())
}

/// Where the code of a function is that ships: none if it has no size, since then its type says it.
#[inline]
fn address<F>(f: &F) -> Option<usize> {
    // SAFETY: what ships and has a size is a `fn` pointer.
    (size_of::<F>() == size_of::<usize>()).then(|| unsafe { std::mem::transmute_copy::<F, usize>(f) })
}

/// A function that ships.
///
/// # Safety
/// `F` has no size, and a value of it exists, or it is a `fn` pointer, and the next address is one of that type.
#[inline]
unsafe fn function<F>(input: &mut Reader<'_>) -> Result<F, CodecError> {
    if size_of::<F>() == 0 {
        // SAFETY: any aligned address is one of a zero-sized value that exists.
        return Ok(unsafe { std::ptr::NonNull::<F>::dangling().read() });
    }
    let address = input.take_code()?;
    // SAFETY: said above.
    Ok(unsafe { std::mem::transmute_copy::<usize, F>(&address) })
}

unsafe fn make_seeded<Z: Data, F, G>(_: LoadFn, input: &mut Reader<'_>, out: *mut u8) -> Result<(), CodecError> {
    // SAFETY: `Closure::seeded` wrote the addresses of both functions that have one, and forgot the functions.
    unsafe {
        let (f, g) = (function::<F>(input)?, function::<G>(input)?);
        (out as *mut (Z, F, G)).write((Z::load(input)?, f, g));
    }
    Ok(())
}

unsafe fn make2<Z: Data, O, G1: Fn(O) -> F1, F1, G2: Fn(O) -> F2, F2>(
    load: LoadFn,
    input: &mut Reader<'_>,
    out: *mut u8,
) -> Result<(), CodecError> {
    // SAFETY: as in `make`, for each of the two; `out` is memory for the tuple.
    unsafe {
        let first = call::<O, G1, F1>(load, &mut input.again())?;
        let second = call::<O, G2, F2>(load, input)?;
        (out as *mut (Z, F1, F2)).write((Z::load(input)?, first, second));
    }
    Ok(())
}

unsafe fn make3<O, G1: Fn(O) -> F1, F1, G2: Fn(O) -> F2, F2, G3: Fn(O) -> F3, F3>(
    load: LoadFn,
    input: &mut Reader<'_>,
    out: *mut u8,
) -> Result<(), CodecError> {
    // SAFETY: as in `make`, for each of the three; `out` is memory for the tuple.
    unsafe {
        let first = call::<O, G1, F1>(load, &mut input.again())?;
        let second = call::<O, G2, F2>(load, &mut input.again())?;
        (out as *mut (F1, F2, F3)).write((first, second, call::<O, G3, F3>(load, input)?));
    }
    Ok(())
}

impl Rebuild {
    fn value(&self, vt: &'static ClosureVt, task: Option<&TaskContext>) -> Result<Value, CodecError> {
        let mut input = Reader::new(&self.env.bytes);
        input.accumulators = &self.env.accumulators;
        input.broadcasts = &self.env.broadcasts;
        input.code = &self.env.code;
        input.task = task;
        // Until `make` has succeeded there is memory, but no value to drop.
        let memory = std::mem::ManuallyDrop::new(Value::alloc(vt));
        // SAFETY: `memory` has the size and alignment of the closure type that `make` writes.
        let made = unsafe { (self.make)(self.env.load, &mut input, memory.ptr) };
        match made {
            Ok(()) => Ok(std::mem::ManuallyDrop::into_inner(memory)),
            Err(error) => {
                memory.free();
                Err(error)
            }
        }
    }
}

impl Value {
    fn layout(&self) -> Layout {
        // SAFETY: size and alignment are those of a type.
        unsafe { Layout::from_size_align_unchecked(self.vt.size, self.vt.align) }
    }

    /// Uninitialised memory for a value.
    fn alloc(vt: &'static ClosureVt) -> Value {
        let mut value = Value { ptr: std::ptr::without_provenance_mut(vt.align), vt };
        if vt.size != 0 {
            // SAFETY: the layout is not empty.
            let ptr = unsafe { std::alloc::alloc(value.layout()) };
            if ptr.is_null() {
                std::alloc::handle_alloc_error(value.layout())
            }
            value.ptr = ptr;
        }
        value
    }

    fn free(&self) {
        if self.vt.size != 0 {
            // SAFETY: allocated by `alloc` with this layout; callers use the memory no more.
            unsafe { std::alloc::dealloc(self.ptr, self.layout()) }
        }
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        if let Some(drop) = self.vt.drop {
            // SAFETY: a `Value` that is dropped holds an initialised value (see `Rebuild::value`).
            unsafe { drop(self.ptr) }
        }
        self.free();
    }
}
