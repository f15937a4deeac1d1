//! Which names are in scope at a place of the source, and what the rewriter knows of their values.

use syn::visit::{self, Visit};
use syn::{GenericArgument, Item, Pat, PatIdent, PathArguments, Type};

/// What the session knows of one of its variables.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// An `Rdd<_>`, or a reference to one.
    Rdd,
    /// A `DparkContext`.
    Context,
    /// An `Accumulator<_>`: captured as any value, named in messages.
    Accumulator,
    /// A `Broadcast<_>`: captured as any value, named in messages.
    Broadcast,
    /// A vector, slice or array of RDDs.
    RddList,
    /// A `Result` or `Option` of an RDD.
    RddResult,
    /// Anything else.
    Other,
}

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
    Value,
}

impl Kind {
    /// What a variable of this type is, by the text of the type: `Rdd<(String, i64)>`, `dpark::DparkContext`.
    pub fn of_type(text: &str) -> Kind {
        match syn::parse_str(text).map_or(Shape::Value, |ty| Types::default().shape(&ty)) {
            Shape::Rdd => Kind::Rdd,
            Shape::Context => Kind::Context,
            Shape::Accumulator => Kind::Accumulator,
            Shape::Broadcast => Kind::Broadcast,
            Shape::List => Kind::RddList,
            Shape::RddResult => Kind::RddResult,
            _ => Kind::Other,
        }
    }
}

impl From<Kind> for Shape {
    fn from(kind: Kind) -> Shape {
        match kind {
            Kind::Rdd => Shape::Rdd,
            Kind::Context => Shape::Context,
            Kind::Accumulator => Shape::Accumulator,
            Kind::Broadcast => Shape::Broadcast,
            Kind::RddList => Shape::List,
            Kind::RddResult => Shape::RddResult,
            Kind::Other => Shape::Value,
        }
    }
}

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
        fn visit_expr(&mut self, _: &'ast syn::Expr) {}
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
    fields: Vec<(String, String, Shape)>,
    methods: Vec<(String, String, Shape)>,
}

impl Types {
    /// Notes what the items tell.
    pub(crate) fn learn<'a>(&mut self, items: impl Iterator<Item = &'a Item> + Clone) {
        for item in items.clone() {
            if let Item::Type(alias) = item {
                let shape = self.shape(&alias.ty);
                self.aliases.push((alias.ident.to_string(), shape));
            }
        }
        for item in items {
            if let Item::Impl(item) = item
                && let Some(owner) = type_name(&item.self_ty)
            {
                for item in &item.items {
                    if let syn::ImplItem::Fn(function) = item {
                        let shape = self.returned(&function.sig);
                        self.methods.push((owner.clone(), function.sig.ident.to_string(), shape));
                    }
                }
            }
            if let Item::Struct(item) = item {
                for field in &item.fields {
                    let shape = self.shape(&field.ty);
                    if let (Some(name), true) = (&field.ident, shape != Shape::Value) {
                        self.fields.push((item.ident.to_string(), name.to_string(), shape));
                    }
                }
            }
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
                    _ => self.aliases.iter().rev().find(|alias| alias.0 == name).map_or(Shape::Value, |alias| alias.1),
                }
            }
            _ => Shape::Value,
        }
    }

    /// What `value.field` is for a value of the struct `name`.
    pub(crate) fn field(&self, name: &str, field: &str) -> Shape {
        self.fields.iter().rev().find(|known| known.0 == name && known.1 == field).map_or(Shape::Value, |known| known.2)
    }

    /// What `value.method(..)` gives for a value of the type `name`, if its `impl` was seen.
    pub(crate) fn method(&self, name: &str, method: &str) -> Option<Shape> {
        self.methods.iter().rev().find(|known| known.0 == name && known.1 == method).map(|known| known.2)
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
    fn kinds_of_types() {
        assert_eq!(Kind::of_type("Rdd<(String, Vec<i64>)>"), Kind::Rdd);
        assert_eq!(Kind::of_type("dpark::rdd::Rdd<i64>"), Kind::Rdd);
        assert_eq!(Kind::of_type("dpark::DparkContext"), Kind::Context);
        assert_eq!(Kind::of_type("Broadcast<Vec<u8>>"), Kind::Broadcast);
        assert_eq!(Kind::of_type("Accumulator<u64>"), Kind::Accumulator);
        assert_eq!(Kind::of_type("std::vec::Vec<dpark::Rdd<i64>>"), Kind::RddList);
        assert_eq!(Kind::of_type("[Rdd<i64>; 2]"), Kind::RddList);
        assert_eq!(Kind::of_type("std::result::Result<Rdd<i64>, dpark::Error>"), Kind::RddResult);
        assert_eq!(Kind::of_type("Vec<Vec<i64>>"), Kind::Other);
        assert_eq!(Kind::of_type("not a type {"), Kind::Other);
    }
}
