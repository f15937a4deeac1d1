//! What a closure may capture, and how an environment travels: `rdd.with_env((&n, &table)).map(|(n, table)| move |x| ..)`.
//!
//! The environment is serialised when the operator is applied, and the closures that run (on the driver's threads too)
//! are rebuilt from those bytes. The capture rewriter writes each variable as `(&&&Wrap(&n)).cap()`: method look-up tries
//! [`CapStr`], then [`CapFn`], then [`CapAny`], and so picks text, `fn` pointers and references before the general case.

mod intern;

use crate::accumulator::{Accumulator, AccumulatorHandle};
use crate::broadcast::{Broadcast, BroadcastHandle};
use crate::codec::{CodecError, Reader, Writer};
use crate::data::Data;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A value that a closure may capture: what is `Serialize + DeserializeOwned`, accumulators and broadcasts.
///
/// ```compile_fail,E0277
/// let ctx = dpark::DparkContext::local(1);
/// let (rdd, other) = (ctx.range(0, 3), ctx.range(0, 3));
/// rdd.with_env((&other,)).map(|(other,)| move |x| x + other.count().unwrap() as i64);
/// ```
///
/// ```compile_fail,E0277
/// let file = std::fs::File::open("Cargo.toml").unwrap();
/// dpark::DparkContext::local(1).range(0, 3).with_env((&file,)).foreach(|(file,)| move |_| drop(&file));
/// ```
#[diagnostic::on_unimplemented(
    message = "a closure that runs in tasks cannot capture a value of type `{Self}`",
    label = "captured by a closure of an RDD operator, but it cannot be copied to other processes",
    note = "large data: `broadcast` it; one part of a value: clone that field into a variable of its own; your own type: derive `Serialize` and `Deserialize`",
    note = "RDDs, contexts, files, sockets and locks cannot be captured: `collect()` the rows first, or open the file inside the closure"
)]
pub trait Capture: Sized + 'static {
    /// Appends the value to an environment.
    #[doc(hidden)]
    fn save(&self, out: &mut Writer) -> Result<(), CodecError>;
    /// Reads the value from an environment.
    #[doc(hidden)]
    fn load(input: &mut Reader<'_>) -> Result<Self, CodecError>;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + 'static> Capture for T {
    #[inline]
    fn save(&self, out: &mut Writer) -> Result<(), CodecError> {
        self.serialize(out)
    }

    #[inline]
    fn load(input: &mut Reader<'_>) -> Result<T, CodecError> {
        input.value()
    }
}

/// One captured variable: how it is saved, and what the closure gets for it.
#[diagnostic::on_unimplemented(
    message = "`with_env` takes references to the captured variables: `with_env((&a, &b))`",
    label = "not a reference to a capturable variable"
)]
pub trait Captured {
    /// What the closure owns.
    type Owned: 'static;
    #[doc(hidden)]
    fn save(&self, out: &mut Writer) -> Result<(), CodecError>;
    #[doc(hidden)]
    fn load(input: &mut Reader<'_>) -> Result<Self::Owned, CodecError>;
}

impl<T: Capture> Captured for &T {
    type Owned = T;

    #[inline]
    fn save(&self, out: &mut Writer) -> Result<(), CodecError> {
        T::save(self, out)
    }

    #[inline]
    fn load(input: &mut Reader<'_>) -> Result<T, CodecError> {
        T::load(input)
    }
}

/// Text captured through a `&str`. The closure gets a `&'static str` of the same text, kept once for the process.
#[derive(Debug)]
pub struct Text<'a>(&'a str);

impl Captured for Text<'_> {
    type Owned = &'static str;

    fn save(&self, out: &mut Writer) -> Result<(), CodecError> {
        out.put_bytes(self.0.as_bytes());
        Ok(())
    }

    fn load(input: &mut Reader<'_>) -> Result<&'static str, CodecError> {
        Ok(intern::text(input.take_str()?))
    }
}

/// The process's copy of a text, kept for ever: for names of operators.
pub(crate) fn kept_text(text: &str) -> &'static str {
    intern::text(text)
}

/// A value captured through a reference. The closure gets a `&'static` to an equal value, kept once for the process.
#[derive(Debug)]
pub struct Referenced<'a, T>(&'a T);

impl<T: Capture + Send + Sync> Captured for Referenced<'_, T> {
    type Owned = &'static T;

    fn save(&self, out: &mut Writer) -> Result<(), CodecError> {
        let mut value = Writer::default();
        self.0.save(&mut value)?;
        if !value.accumulators.is_empty() || !value.broadcasts.is_empty() {
            return Err(CodecError::new("capture the accumulator or broadcast itself, not a reference to it"));
        }
        out.put_bytes(&value.bytes);
        Ok(())
    }

    fn load(input: &mut Reader<'_>) -> Result<&'static T, CodecError> {
        let bytes = input.take_bytes()?;
        intern::value(bytes, T::load(&mut Reader::new(bytes))?)
    }
}

/// A `fn` pointer.
#[derive(Debug)]
pub struct FnPointer<P>(P);

impl<P: Copy + 'static> Captured for FnPointer<P> {
    type Owned = P;

    fn save(&self, out: &mut Writer) -> Result<(), CodecError> {
        const { assert!(size_of::<P>() == size_of::<usize>()) }
        // SAFETY: `CapFn` makes this from `fn` pointers only, which are as wide as an address.
        let address = unsafe { std::mem::transmute_copy::<P, usize>(&self.0) };
        out.code.push(address);
        Ok(())
    }

    fn load(input: &mut Reader<'_>) -> Result<P, CodecError> {
        let address = input.take_code()?;
        // SAFETY: `save` noted the address of a function of this type; in another process it is where that has the same
        // function. Code is never unloaded.
        Ok(unsafe { std::mem::transmute_copy::<usize, P>(&address) })
    }
}

/// The variable that the rewriter found captured.
#[derive(Debug)]
pub struct Wrap<'a, T: ?Sized>(pub &'a T);

/// First choice of `cap()`: text, and references to accumulators and broadcasts, which are captured themselves.
pub trait CapStr {
    /// What captures the variable.
    type Captured;
    /// Captures the variable.
    fn cap(&self) -> Self::Captured;
}

impl<'a> CapStr for &&Wrap<'_, &'a str> {
    type Captured = Text<'a>;

    #[inline]
    fn cap(&self) -> Text<'a> {
        Text(self.0)
    }
}

impl<'a, T: Send + Sync + 'static> CapStr for &&Wrap<'_, &'a Accumulator<T>> {
    type Captured = &'a Accumulator<T>;

    #[inline]
    fn cap(&self) -> &'a Accumulator<T> {
        self.0
    }
}

impl<'a, T: Data> CapStr for &&Wrap<'_, &'a Broadcast<T>> {
    type Captured = &'a Broadcast<T>;

    #[inline]
    fn cap(&self) -> &'a Broadcast<T> {
        self.0
    }
}

/// Second choice of `cap()`: `fn` pointers, and references to something that can be captured.
pub trait CapFn {
    /// What captures the variable.
    type Captured;
    /// Captures the variable.
    fn cap(&self) -> Self::Captured;
}

impl<'a, T: Capture> CapFn for &Wrap<'_, &'a T> {
    type Captured = Referenced<'a, T>;

    #[inline]
    fn cap(&self) -> Referenced<'a, T> {
        Referenced(self.0)
    }
}

macro_rules! fn_pointers {
    ($(($($argument:ident)*))*) => {
        $(
            impl<R, $($argument),*> CapFn for &Wrap<'_, fn($($argument),*) -> R> {
                type Captured = FnPointer<fn($($argument),*) -> R>;

                #[inline]
                fn cap(&self) -> Self::Captured {
                    FnPointer(*self.0)
                }
            }
        )*
    };
}

fn_pointers!(() (A) (A B) (A B C) (A B C D));

/// Last choice of `cap()`: any value.
pub trait CapAny {
    /// What captures the variable.
    type Captured;
    /// Captures the variable.
    fn cap(&self) -> Self::Captured;
}

impl<'a, T> CapAny for Wrap<'a, T> {
    type Captured = &'a T;

    #[inline]
    fn cap(&self) -> &'a T {
        self.0
    }
}

/// The captured variables of one closure: a tuple.
pub trait Env {
    /// What the factory closure gets: the tuple of owned values.
    type Owned: 'static;
    #[doc(hidden)]
    fn save(&self, out: &mut Writer) -> Result<(), CodecError>;
    #[doc(hidden)]
    fn load(input: &mut Reader<'_>) -> Result<Self::Owned, CodecError>;
}

macro_rules! env_tuples {
    ($(($($captured:ident $i:tt)*))*) => {
        $(
            impl<$($captured: Captured),*> Env for ($($captured,)*) {
                type Owned = ($($captured::Owned,)*);

                #[inline]
                #[allow(unused_variables)]
                fn save(&self, out: &mut Writer) -> Result<(), CodecError> {
                    $(self.$i.save(out)?;)*
                    Ok(())
                }

                #[inline]
                #[allow(unused_variables, clippy::unused_unit)]
                fn load(input: &mut Reader<'_>) -> Result<Self::Owned, CodecError> {
                    Ok(($($captured::load(input)?,)*))
                }
            }
        )*
    };
}

env_tuples! {
    ()
    (A 0)
    (A 0 B 1)
    (A 0 B 1 C 2)
    (A 0 B 1 C 2 D 3)
    (A 0 B 1 C 2 D 3 E 4)
    (A 0 B 1 C 2 D 3 E 4 F 5)
    (A 0 B 1 C 2 D 3 E 4 F 5 G 6)
    (A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7)
    (A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8)
    (A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9)
    (A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10)
    (A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11)
    (A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11 M 12)
    (A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11 M 12 N 13)
    (A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11 M 12 N 13 O 14)
    (A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11 M 12 N 13 O 14 P 15)
}

/// An environment as bytes, and the accumulators, broadcasts and functions it holds.
#[derive(Debug)]
pub struct SavedEnv {
    pub(crate) bytes: Vec<u8>,
    pub(crate) accumulators: Vec<AccumulatorHandle>,
    pub(crate) broadcasts: Vec<BroadcastHandle>,
    /// The addresses of functions that it holds.
    pub(crate) code: Vec<usize>,
    /// Writes the tuple of values, read from the bytes.
    pub(crate) load: LoadFn,
}

/// Reads an environment and writes the tuple of its values to memory laid out for it.
pub(crate) type LoadFn = unsafe fn(&mut Reader<'_>, *mut u8) -> Result<(), CodecError>;

/// Writes an environment, or a value, that it gets the address of.
type SaveFn = unsafe fn(*const u8, &mut Writer) -> Result<(), CodecError>;

unsafe fn save<E: Env>(env: *const u8, out: &mut Writer) -> Result<(), CodecError> {
    // SAFETY: the caller passes an `E`.
    unsafe { (*env.cast::<E>()).save(out) }
}

unsafe fn save_value<T: Data>(value: *const u8, out: &mut Writer) -> Result<(), CodecError> {
    // SAFETY: the caller passes a `T`.
    unsafe { (*value.cast::<T>()).save(out) }
}

unsafe fn load<E: Env>(input: &mut Reader<'_>, out: *mut u8) -> Result<(), CodecError> {
    let values = E::load(input)?;
    // SAFETY: the caller passes memory for `E::Owned`.
    unsafe { (out as *mut E::Owned).write(values) }
    Ok(())
}

impl SavedEnv {
    /// Serialises an environment.
    #[inline]
    #[track_caller]
    pub fn new<E: Env>(env: &E) -> SavedEnv {
        // SAFETY: `save` gets an environment of its type.
        unsafe { SavedEnv::of((&raw const *env).cast(), save::<E>, load::<E>) }
    }

    /// Adds a value that is read behind the environment's own.
    #[inline]
    #[track_caller]
    pub(crate) fn followed_by<T: Data>(mut self, value: &T) -> SavedEnv {
        // SAFETY: `save` gets a value of its type.
        unsafe { self.append((&raw const *value).cast(), save_value::<T>) }
        self
    }

    #[inline(never)]
    #[track_caller]
    unsafe fn append(&mut self, value: *const u8, save: SaveFn) {
        let mut out = Writer::default();
        out.bytes = std::mem::take(&mut self.bytes);
        // SAFETY: passed on from the caller.
        if let Err(error) = unsafe { save(value, &mut out) } {
            panic!("a zero value cannot be serialised: {error}")
        }
        self.bytes = out.bytes;
    }

    fn written(out: Writer, load: LoadFn) -> SavedEnv {
        let Writer { bytes, accumulators, broadcasts, code, .. } = out;
        SavedEnv { bytes, accumulators, broadcasts, code, load }
    }

    /// The environment of closures that capture nothing: a value, and the functions among them.
    #[track_caller]
    pub(crate) fn seeded<Z: Data>(seed: &Z, functions: Vec<usize>) -> SavedEnv {
        let mut env = SavedEnv { code: functions, ..SavedEnv::written(Writer::default(), load::<()>) };
        env = env.followed_by(seed);
        env
    }

    #[inline(never)]
    #[track_caller]
    unsafe fn of(env: *const u8, save: SaveFn, load: LoadFn) -> SavedEnv {
        let mut out = Writer::default();
        // SAFETY: passed on from the caller.
        match unsafe { save(env, &mut out) } {
            Ok(()) => SavedEnv::written(out, load),
            Err(error) => panic!("a captured variable cannot be serialised: {error}"),
        }
    }
}
