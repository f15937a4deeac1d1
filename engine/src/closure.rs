//! User closures, erased. What may be shipped is decided here, when an operator is applied and on every master alike: a
//! closure without captures, a `fn` item, a `fn` pointer, or one that was rebuilt from a serialised environment
//! (`with_env`). Memory layout of captures is never interpreted.

use crate::capture::{LoadFn, SavedEnv};
use crate::codec::{CodecError, Reader};
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
    type_id: fn() -> TypeId,
    pointer_type_id: fn() -> TypeId,
}

/// Carrier of the table of the closure type `F`; `P` is the `fn` pointer type with its signature.
struct Vt<F, P>(PhantomData<(F, P)>);

impl<F: 'static, P: 'static> Vt<F, P> {
    const VT: &'static ClosureVt = &ClosureVt {
        size: size_of::<F>(),
        align: align_of::<F>(),
        drop: if std::mem::needs_drop::<F>() { Some(drop_value::<F>) } else { None },
        type_id: TypeId::of::<F>,
        pointer_type_id: TypeId::of::<P>,
    };
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
        let f = std::mem::ManuallyDrop::new(f);
        // SAFETY: `f` is a value of the table's type and is forgotten.
        unsafe { Closure::accept(&raw const f as *const u8, Vt::<F, P>::VT, operator) }
    }

    #[inline(never)]
    #[track_caller]
    unsafe fn accept(source: *const u8, vt: &'static ClosureVt, operator: &'static str) -> Closure {
        if vt.size != 0 && (vt.type_id)() != (vt.pointer_type_id)() {
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
        const {
            assert!(
                size_of::<G>() == 0,
                "the outer closure of with_env(..) must not capture anything: list every captured variable in with_env(..)"
            )
        }
        // SAFETY: `make` writes a value of the table's type; the environment's values have the type it reads.
        unsafe { Closure::build(env, make::<O, G, F>, Vt::<F, ()>::VT) }
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

unsafe fn make<O, G: Fn(O) -> F, F>(load: LoadFn, input: &mut Reader<'_>, out: *mut u8) -> Result<(), CodecError> {
    let mut env = std::mem::MaybeUninit::<O>::uninit();
    // SAFETY: `load` writes an `O`. `G` is zero-sized (checked in `from_env`) and a value of it existed there, so any aligned
    // address is one; `out` is memory for an `F`.
    unsafe {
        load(input, env.as_mut_ptr() as *mut u8)?;
        let factory = std::ptr::NonNull::<G>::dangling();
        (out as *mut F).write((factory.as_ref())(env.assume_init()));
    }
    Ok(())
}

impl Rebuild {
    fn value(&self, vt: &'static ClosureVt, task: Option<&TaskContext>) -> Result<Value, CodecError> {
        let mut input = Reader::new(&self.env.bytes);
        input.accumulators = &self.env.accumulators;
        input.broadcasts = &self.env.broadcasts;
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
