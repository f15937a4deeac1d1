//! Closures on their way.

use super::{Closure, ClosureVt, Inner, MakeFn, Rebuild, Value};
use crate::accumulator::AccumulatorHandle;
use crate::capture::{LoadFn, SavedEnv};
use crate::ship::{CodeRef, Landing, ShipError, Shipper};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A closure: the table of its type, and how to make a value of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ShippedClosure {
    pub(crate) vt: CodeRef,
    pub(crate) body: Body,
}

/// How to make the value.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Body {
    /// It captures nothing: its memory is empty, or consists of the addresses of these functions.
    Functions(Vec<CodeRef>),
    /// It is rebuilt from what it captures.
    Env {
        make: CodeRef,
        load: CodeRef,
        bytes: Vec<u8>,
        functions: Vec<CodeRef>,
        accumulators: Vec<ShippedAccumulator>,
        broadcasts: Vec<u64>,
    },
}

/// An accumulator that a closure captures.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ShippedAccumulator {
    pub(crate) id: u64,
    pub(crate) vt: CodeRef,
    pub(crate) merge: Box<ShippedClosure>,
}

impl Closure {
    /// The closure as it travels.
    pub(crate) fn ship(&self, out: &mut Shipper) -> Result<ShippedClosure, ShipError> {
        let Inner { value, rebuild } = &**self.arc();
        let vt = out.table(value.vt)?;
        let functions = |addresses: &[usize], out: &mut Shipper| -> Result<Vec<CodeRef>, ShipError> {
            addresses.iter().map(|at| out.code(*at)).collect()
        };
        let body = match rebuild {
            None => Body::Functions(functions(value.functions(), out)?),
            Some(Rebuild { make, env }) => {
                let accumulators = env.accumulators.iter().map(|accumulator| accumulator.ship(out));
                let accumulators = accumulators.collect::<Result<_, _>>()?;
                for broadcast in &env.broadcasts {
                    out.broadcasts.insert(broadcast.id(), broadcast.clone());
                }
                Body::Env {
                    make: out.code(*make as usize)?,
                    load: out.code(env.load as usize)?,
                    bytes: env.bytes.clone(),
                    functions: functions(&env.code, out)?,
                    accumulators,
                    broadcasts: env.broadcasts.iter().map(|broadcast| broadcast.id()).collect(),
                }
            }
        };
        Ok(ShippedClosure { vt, body })
    }

    /// A closure that has arrived.
    pub(crate) fn land(shipped: ShippedClosure, landing: &Landing) -> Result<Closure, ShipError> {
        let functions = |places: Vec<CodeRef>| -> Result<Vec<usize>, ShipError> {
            places.into_iter().map(|place| landing.address(place)).collect()
        };
        // SAFETY: the sender took the place from a closure's table.
        let vt = unsafe { landing.table::<ClosureVt>(shipped.vt)? };
        match shipped.body {
            Body::Functions(places) => {
                let value = Value::of_functions(vt, &functions(places)?)?;
                Ok(Closure::wrap(Arc::new(Inner { value, rebuild: None })))
            }
            Body::Env { make, load, bytes, functions: places, accumulators, broadcasts } => {
                let accumulators = accumulators.into_iter().map(|shipped| AccumulatorHandle::land(shipped, landing));
                let env = SavedEnv {
                    bytes,
                    accumulators: accumulators.collect::<Result<_, _>>()?,
                    broadcasts: broadcasts.into_iter().map(|id| landing.broadcast(id)).collect::<Result<_, _>>()?,
                    code: functions(places)?,
                    // SAFETY: the sender took the places from functions of these types.
                    load: unsafe { landing.function::<LoadFn>(load)? },
                };
                // SAFETY: as above.
                let rebuild = Rebuild { make: unsafe { landing.function::<MakeFn>(make)? }, env };
                let value = rebuild.value(vt, None)?;
                Ok(Closure::wrap(Arc::new(Inner { value, rebuild: Some(rebuild) })))
            }
        }
    }
}

impl Value {
    /// The addresses that the value of a closure without environment consists of.
    fn functions(&self) -> &[usize] {
        let ClosureVt { size, align, .. } = *self.vt;
        // What has no size has no memory either: its address need not be one of a `usize`.
        if size == 0 {
            return &[];
        }
        assert!(size.is_multiple_of(size_of::<usize>()) && align == align_of::<usize>(), "a closure of functions");
        // SAFETY: what `Closure::accept` takes and has a size is a `fn` pointer or a tuple of such.
        unsafe { std::slice::from_raw_parts(self.ptr.cast(), size / size_of::<usize>()) }
    }

    /// A value that consists of these addresses.
    fn of_functions(vt: &'static ClosureVt, functions: &[usize]) -> Result<Value, ShipError> {
        if vt.size != size_of_val(functions) {
            return Err(ShipError::new(format!(
                "a closure of {} bytes came with {} functions",
                vt.size,
                functions.len()
            )));
        }
        let value = Value::alloc(vt);
        // SAFETY: there is room for as many bytes; with them the value is whole, as it was where they come from.
        unsafe { std::ptr::copy_nonoverlapping(functions.as_ptr().cast::<u8>(), value.ptr, vt.size) }
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closure_without_size_consists_of_no_addresses() {
        let closure = Closure::plain::<_, fn(i64) -> i64>(|x: i64| x + 1, "map");
        let value = &closure.arc().value;
        let functions = value.functions();
        assert!(functions.is_empty());
        // Its own address is that of a type of alignment 1, which is no place for addresses.
        assert_eq!((value.ptr.addr(), functions.as_ptr().addr() % align_of::<usize>()), (1, 0));
        assert!(Value::of_functions(value.vt, functions).unwrap().functions().is_empty());
    }

    #[test]
    fn a_function_pointer_consists_of_its_address() {
        fn next(x: i64) -> i64 {
            x + 1
        }
        let closure = Closure::plain::<_, fn(i64) -> i64>(next as fn(i64) -> i64, "map");
        let value = &closure.arc().value;
        assert_eq!(value.functions(), [next as fn(i64) -> i64 as usize]);
        let copy = Value::of_functions(value.vt, value.functions()).unwrap();
        assert_eq!(copy.functions(), value.functions());
    }
}
