//! The variables of a session, type-erased: a name, a heap slot and a table that knows the type.

use crate::session::wire::StoredVariable;
use std::alloc::Layout;
use std::any::TypeId;
use std::collections::HashMap;

/// What the store must know of a variable's type; one promoted constant per type and cell.
pub struct VariableTable {
    layout: Layout,
    type_id: fn() -> TypeId,
    type_name: fn() -> &'static str,
    drop: Option<unsafe fn(*mut u8)>,
}

struct Of<T>(std::marker::PhantomData<T>);

impl<T: 'static> Of<T> {
    const TABLE: &'static VariableTable = &VariableTable {
        layout: Layout::new::<T>(),
        type_id: TypeId::of::<T>,
        type_name: std::any::type_name::<T>,
        drop: if std::mem::needs_drop::<T>() { Some(drop_in_place::<T>) } else { None },
    };
}

/// The table of a type.
pub const fn table<T: 'static>() -> &'static VariableTable {
    Of::<T>::TABLE
}

/// # Safety
/// `value` points to a `T` that nobody uses afterwards.
unsafe fn drop_in_place<T>(value: *mut u8) {
    // SAFETY: the caller's promise.
    unsafe { std::ptr::drop_in_place(value.cast::<T>()) }
}

/// The variables by name.
#[derive(Default)]
pub(crate) struct Store(HashMap<String, Slot>);

/// One owned value.
pub(crate) struct Slot {
    value: *mut u8,
    table: &'static VariableTable,
}

impl Store {
    pub(crate) fn check(&self, variables: &[(&str, &'static VariableTable)]) -> Result<(), String> {
        for (name, table) in variables {
            let Some(slot) = self.0.get(*name) else {
                return Err(format!("the variable `{name}` is not there any more; define it again"));
            };
            if (slot.table.type_id)() != (table.type_id)() {
                return Err(format!(
                    "the variable `{name}` is a `{}`, but type inference took it for a `{}`; define it again with its type: `let {name}: … = …`",
                    (slot.table.type_name)(),
                    (table.type_name)()
                ));
            }
        }
        Ok(())
    }

    /// # Safety
    /// `into` has room for a value of the table's type.
    pub(crate) unsafe fn take(&mut self, name: &str, table: &'static VariableTable, into: *mut u8) {
        let slot = self.0.remove(name).filter(|slot| (slot.table.type_id)() == (table.type_id)());
        let slot = slot.expect("the cell checked its variables");
        // SAFETY: the type ids agree, so the slot holds a value of the table's type; it moves out, and only its memory
        // is freed.
        unsafe {
            std::ptr::copy_nonoverlapping(slot.value, into, table.layout.size());
        }
        slot.free();
    }

    /// Stores a value and returns what is known of it, and the slot that it replaces.
    ///
    /// # Safety
    /// `from` points to a value of the table's type, which the caller forgets.
    pub(crate) unsafe fn put(
        &mut self,
        name: &str,
        table: &'static VariableTable,
        from: *const u8,
    ) -> (StoredVariable, Option<Slot>) {
        let slot = Slot::allocate(table);
        // SAFETY: the slot has the table's layout; the caller gives the value away.
        unsafe { std::ptr::copy_nonoverlapping(from, slot.value, table.layout.size()) };
        let variable = StoredVariable {
            name: name.to_owned(),
            type_name: (table.type_name)().to_owned(),
            // SAFETY: the slot holds a live value of the table's type.
            rdd: unsafe { crate::known::rdd_id_of((table.type_id)(), slot.value) },
        };
        (variable, self.0.insert(name.to_owned(), slot))
    }

    pub(crate) fn remove(&mut self, name: &str) -> Option<Slot> {
        self.0.remove(name)
    }
}

impl Slot {
    fn allocate(table: &'static VariableTable) -> Slot {
        let value = if table.layout.size() == 0 {
            std::ptr::without_provenance_mut(table.layout.align())
        } else {
            // SAFETY: the layout is not empty.
            let value = unsafe { std::alloc::alloc(table.layout) };
            if value.is_null() {
                std::alloc::handle_alloc_error(table.layout);
            }
            value
        };
        Slot { value, table }
    }

    /// Frees the memory of a slot whose value has moved out.
    fn free(self) {
        let slot = std::mem::ManuallyDrop::new(self);
        slot.release();
    }

    fn release(&self) {
        if self.table.layout.size() != 0 {
            // SAFETY: allocated in `allocate` with the same layout.
            unsafe { std::alloc::dealloc(self.value, self.table.layout) };
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(drop) = self.table.drop {
            // SAFETY: the slot owns a value of the table's type; nobody sees it afterwards.
            unsafe { drop(self.value) };
        }
        self.release();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::Frame;
    use std::rc::Rc;

    #[test]
    fn a_value_moves_in_and_out_once() {
        let frame = Frame::default();
        let counted = Rc::new(7);
        frame.put("x", Rc::clone(&counted));
        assert_eq!(Rc::strong_count(&counted), 2);
        let back: Rc<i32> = frame.take("x");
        assert_eq!(Rc::strong_count(&counted), 2);
        frame.put("x", back);
        frame.put("x", ());
        assert_eq!(Rc::strong_count(&counted), 1, "the replaced value was dropped once");
    }

    #[test]
    fn another_type_is_refused_and_nothing_is_lost() {
        let frame = Frame::default();
        frame.put("x", String::from("kept"));
        assert!(!frame.check(&[("x", table::<i32>())]));
        assert!(frame.check(&[("x", table::<String>())]));
        assert_eq!(frame.take::<String>("x"), "kept");
        assert!(!frame.check(&[("x", table::<String>())]));
    }

    #[test]
    fn a_failing_step_keeps_the_frame_usable() {
        let frame = Frame::default();
        assert_eq!(frame.step(|| Ok(1)), Some(1));
        assert_eq!(frame.step(|| -> Result<i32, crate::cell::Exit> { Err("bad")? }), None);
        assert_eq!(frame.finish().end, Some(crate::session::wire::CellEnd::Returned("bad".into())));
    }
}
