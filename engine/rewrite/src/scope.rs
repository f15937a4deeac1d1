//! Which names are in scope at a place of the source, and what the rewriter knows of their values.

use syn::visit::{self, Visit};
use syn::{Expr, GenericArgument, Item, Pat, PatIdent, PathArguments, Type};

/// What the syntax says of a value or name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shape {
    Rdd,
    Context,
    Accumulator,
    Broadcast,
    /// `rdd.with_env(..)`: the next operator takes factories already.
    WithEnv,
    /// A vector, slice or array of RDDs, or an iterator over one.
    List,
    /// A closure bound to a name.
    Closure,
    /// A `Result` or `Option` of an RDD: its `map` is not the RDD's.
    RddResult,
    /// A function, constant or static of an enclosing block: it hides a variable and is no capture.
    Item,
    /// A value of a type that the source defines and that has RDDs in fields or gives them from methods.
    Owner(OwnerId),
    Value,
}

/// Which of the [`Types`] that own RDDs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct OwnerId(usize);

/// The names in scope, innermost frame last.
#[derive(Default)]
pub(crate) struct Scopes {
    frames: Vec<Vec<(String, Shape)>>,
}

impl Scopes {
    pub(crate) fn push(&mut self) {
        self.frames.push(Vec::new());
    }

    pub(crate) fn pop(&mut self) {
        self.frames.pop();
    }

    pub(crate) fn bind(&mut self, name: String, shape: Shape) {
        if let Some(frame) = self.frames.last_mut() {
            frame.push((name, shape));
        }
    }

    /// Binds every name of a pattern; a pattern that is one name takes the shape of the value.
    pub(crate) fn bind_pattern(&mut self, pattern: &Pat, shape: Shape) {
        let whole = whole_name(pattern);
        for name in pattern_names(pattern) {
            let shape = if whole.as_deref() == Some(name.as_str()) { shape } else { Shape::Value };
            self.bind(name, shape);
        }
    }

    /// Binds the names of a pattern that a value is matched against: `Ok(rdd)` opens a `Result` of an RDD.
    pub(crate) fn bind_matched(&mut self, pattern: &Pat, shape: Shape) {
        match (pattern, shape) {
            (Pat::TupleStruct(wrapper), Shape::RddResult) if wrapper.elems.len() == 1 => {
                wrapper.elems.iter().for_each(|inner| self.bind_pattern(inner, Shape::Rdd));
            }
            _ => self.bind_pattern(pattern, shape),
        }
    }

    pub(crate) fn lookup(&self, name: &str) -> Option<Shape> {
        self.frames.iter().rev().flat_map(|frame| frame.iter().rev()).find(|entry| entry.0 == name).map(|entry| entry.1)
    }
}

/// The pattern of a match arm and its guard.
pub(crate) fn guarded(pattern: &Pat) -> (&Pat, Option<&Expr>) {
    match pattern {
        Pat::Guard(guarded) => (&guarded.pat, Some(&guarded.guard)),
        other => (other, None),
    }
}

/// The name that a pattern gives to the whole value: `x`, `mut x`, `&x`, `x: T`.
fn whole_name(pattern: &Pat) -> Option<String> {
    match pattern {
        Pat::Ident(ident) => Some(ident.ident.to_string()),
        Pat::Type(typed) => whole_name(&typed.pat),
        Pat::Reference(reference) => whole_name(&reference.pat),
        Pat::Paren(paren) => whole_name(&paren.pat),
        _ => None,
    }
}

/// The variables that a pattern binds, in order.
pub(crate) fn pattern_names(pattern: &Pat) -> Vec<String> {
    struct Names(Vec<String>);
    impl<'ast> Visit<'ast> for Names {
        fn visit_pat_ident(&mut self, pattern: &'ast PatIdent) {
            let name = pattern.ident.to_string();
            // `None` or `MAX` in a pattern is a constant or a variant, not a binding.
            let constant = pattern.by_ref.is_none()
                && pattern.mutability.is_none()
                && pattern.subpat.is_none()
                && name.starts_with(char::is_uppercase);
            if !constant {
                self.0.push(name);
            }
            visit::visit_pat_ident(self, pattern);
        }
        fn visit_expr(&mut self, _: &'ast Expr) {}
    }
    let mut names = Names(Vec::new());
    names.visit_pat(pattern);
    names.0
}

/// The name in the value namespace that an item of a block defines.
pub(crate) fn item_name(item: &Item) -> Option<String> {
    match item {
        Item::Fn(item) => Some(item.sig.ident.to_string()),
        Item::Const(item) => Some(item.ident.to_string()),
        Item::Static(item) => Some(item.ident.to_string()),
        _ => None,
    }
}

/// Types that the source itself names: aliases, fields of its structs, methods of its impls.
#[derive(Default)]
pub(crate) struct Types {
    aliases: Vec<(String, Shape)>,
    owners: Vec<Owner>,
}

/// A type of the source, with what is known of it.
struct Owner {
    name: String,
    fields: Vec<(String, Shape)>,
    methods: Vec<(String, Shape)>,
}

impl Types {
    /// Notes what the items tell.
    pub(crate) fn learn<'a>(&mut self, items: impl Iterator<Item = &'a Item> + Clone) {
        for item in items.clone() {
            match item {
                // The name now means this one; what came before keeps the old one.
                Item::Struct(item) => self.owners.push(Owner::new(item.ident.to_string())),
                Item::Type(alias) => {
                    let shape = self.shape(&alias.ty);
                    self.aliases.push((alias.ident.to_string(), shape));
                }
                _ => {}
            }
        }
        for item in items {
            match item {
                Item::Struct(item) => {
                    let fields = item.fields.iter().enumerate().map(|(index, field)| {
                        let name = field.ident.as_ref().map_or_else(|| index.to_string(), ToString::to_string);
                        (name, self.shape(&field.ty))
                    });
                    let fields = fields.collect();
                    let owner = self.owner(&item.ident.to_string());
                    self.owners[owner.0].fields = fields;
                }
                Item::Impl(item) => {
                    let Some(owner) = type_name(&item.self_ty).map(|name| self.owner(&name)) else { continue };
                    self.enter(Some(owner));
                    for item in &item.items {
                        if let syn::ImplItem::Fn(function) = item {
                            let method = (function.sig.ident.to_string(), self.returned(&function.sig));
                            self.owners[owner.0].methods.push(method);
                        }
                    }
                    self.leave();
                }
                _ => {}
            }
        }
    }

    /// The newest type of that name.
    fn owner(&mut self, name: &str) -> OwnerId {
        OwnerId(self.owners.iter().rposition(|known| known.name == name).unwrap_or_else(|| {
            self.owners.push(Owner::new(name.to_owned()));
            self.owners.len() - 1
        }))
    }

    /// Enters an `impl`: `Self` means this type until [`Types::leave`].
    fn enter(&mut self, owner: Option<OwnerId>) {
        self.aliases.push(("Self".to_owned(), owner.map_or(Shape::Value, Shape::Owner)));
    }

    /// Enters the `impl` of this type.
    pub(crate) fn enter_impl(&mut self, ty: &Type) {
        let owner = type_name(ty).map(|name| self.owner(&name));
        self.enter(owner);
    }

    /// Leaves the `impl` entered last.
    pub(crate) fn leave(&mut self) {
        let last = self.aliases.iter().rposition(|alias| alias.0 == "Self");
        if let Some(last) = last {
            self.aliases.remove(last);
        }
    }

    /// What a value of this type is.
    pub(crate) fn shape(&self, ty: &Type) -> Shape {
        match ty {
            Type::Reference(reference) => self.shape(&reference.elem),
            Type::Paren(paren) => self.shape(&paren.elem),
            Type::Group(group) => self.shape(&group.elem),
            Type::Array(array) => self.list(&array.elem),
            Type::Slice(slice) => self.list(&slice.elem),
            Type::Path(path) => {
                let Some(last) = path.path.segments.last() else { return Shape::Value };
                let name = last.ident.to_string();
                match name.as_str() {
                    "Rdd" => Shape::Rdd,
                    "DparkContext" => Shape::Context,
                    "Accumulator" => Shape::Accumulator,
                    "Broadcast" => Shape::Broadcast,
                    "Box" | "Rc" | "Arc" => first_argument(last).map_or(Shape::Value, |inner| self.shape(inner)),
                    "Result" | "Option" => match first_argument(last).map_or(Shape::Value, |inner| self.shape(inner)) {
                        Shape::Rdd => Shape::RddResult,
                        // A context has no operators of its own to confuse with those of `Result`.
                        Shape::Context => Shape::Context,
                        _ => Shape::Value,
                    },
                    "Vec" => first_argument(last).map_or(Shape::Value, |inner| self.list(inner)),
                    _ => self.named(&name),
                }
            }
            _ => Shape::Value,
        }
    }

    /// What a value of the type of that name is.
    pub(crate) fn named(&self, name: &str) -> Shape {
        let alias = self.aliases.iter().rev().find(|alias| alias.0 == name).map(|alias| alias.1);
        let owner = || self.owners.iter().rposition(|owner| owner.name == name);
        alias.or_else(|| owner().map(|owner| Shape::Owner(OwnerId(owner)))).unwrap_or(Shape::Value)
    }

    /// What `value.field` is.
    pub(crate) fn field(&self, owner: OwnerId, field: &str) -> Shape {
        find(&self.owners[owner.0].fields, field).unwrap_or(Shape::Value)
    }

    /// What `value.method(..)` or `Type::method(..)` gives, if its `impl` was seen.
    pub(crate) fn method(&self, owner: OwnerId, method: &str) -> Option<Shape> {
        find(&self.owners[owner.0].methods, method)
    }

    /// What a call of a function gives.
    pub(crate) fn returned(&self, signature: &syn::Signature) -> Shape {
        match &signature.output {
            syn::ReturnType::Type(_, ty) => self.shape(ty),
            syn::ReturnType::Default => Shape::Value,
        }
    }

    fn list(&self, element: &Type) -> Shape {
        if self.shape(element) == Shape::Rdd { Shape::List } else { Shape::Value }
    }
}

impl Owner {
    fn new(name: String) -> Owner {
        Owner { name, fields: Vec::new(), methods: Vec::new() }
    }
}

/// What the name means; the last one counts.
fn find(known: &[(String, Shape)], name: &str) -> Option<Shape> {
    known.iter().rev().find(|entry| entry.0 == name).map(|entry| entry.1)
}

/// The last word of a type's path.
pub(crate) fn type_name(ty: &Type) -> Option<String> {
    match ty {
        Type::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
        _ => None,
    }
}

fn first_argument(segment: &syn::PathSegment) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_of_types() {
        let shape = |text: &str| Types::default().shape(&syn::parse_str(text).unwrap());
        assert_eq!(shape("Rdd<(String, Vec<i64>)>"), Shape::Rdd);
        assert_eq!(shape("dpark::rdd::Rdd<i64>"), Shape::Rdd);
        assert_eq!(shape("dpark::DparkContext"), Shape::Context);
        assert_eq!(shape("Broadcast<Vec<u8>>"), Shape::Broadcast);
        assert_eq!(shape("Accumulator<u64>"), Shape::Accumulator);
        assert_eq!(shape("std::vec::Vec<dpark::Rdd<i64>>"), Shape::List);
        assert_eq!(shape("[Rdd<i64>; 2]"), Shape::List);
        assert_eq!(shape("std::result::Result<Rdd<i64>, dpark::Error>"), Shape::RddResult);
        assert_eq!(shape("Vec<Vec<i64>>"), Shape::Value);
    }
}
