//! Walks a source, follows what is an RDD, and finds the operator calls whose closures capture variables.

use crate::captures::{Capture, Captures, SelfUse};
use crate::error::{Problem, RewriteError};
use crate::form;
use crate::operators::{self, Operator};
use crate::scope::{Scopes, Shape, Types, guarded, item_name};
use crate::tokens::{self, Arguments};
use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Block, Expr, ExprClosure, ExprMethodCall, FnArg, Item, Local, Member, Pat, Signature, Stmt, Type};

/// One operator call that needs an environment.
pub(crate) struct Call {
    /// The address of the call in the syntax tree, by which a mutable walk over the same tree finds it again.
    pub(crate) key: usize,
    pub(crate) dot: Span,
    pub(crate) operator: Span,
    pub(crate) captures: Vec<Capture>,
    pub(crate) functions: Vec<Function>,
    pub(crate) self_uses: Vec<SelfUse>,
}

/// An argument that becomes a factory.
pub(crate) struct Function {
    /// Its position among the arguments.
    pub(crate) index: usize,
    pub(crate) start: Span,
    /// Where `move` is missing: the first bar of the closure.
    pub(crate) needs_move: Option<Span>,
}

/// An operator call that cannot be shipped.
pub(crate) struct Refused {
    /// The address of the call.
    pub(crate) key: usize,
    pub(crate) error: RewriteError,
    /// The mention.
    pub(crate) span: Span,
}

/// The arguments of a macro call as expressions. They are a copy of the tokens; the calls found in them have the
/// addresses of this copy.
pub(crate) struct ParsedMacro {
    /// The address of the macro call in the syntax tree.
    pub(crate) key: usize,
    pub(crate) arguments: Arguments,
}

/// The address of a call, its identity as long as the tree does not move.
pub(crate) fn key(call: &ExprMethodCall) -> usize {
    std::ptr::from_ref(call).addr()
}

/// The closure that an argument is, parentheses aside.
pub(crate) fn as_closure(argument: &Expr) -> Option<&ExprClosure> {
    match argument {
        Expr::Closure(closure) => Some(closure),
        Expr::Paren(paren) => as_closure(&paren.expr),
        Expr::Group(group) => as_closure(&group.expr),
        _ => None,
    }
}

/// Whether a type has a `_` in it.
fn leaves_open(ty: &Type) -> bool {
    struct Open(bool);
    impl<'ast> Visit<'ast> for Open {
        fn visit_type_infer(&mut self, _: &'ast syn::TypeInfer) {
            self.0 = true;
        }
    }
    let mut open = Open(false);
    open.visit_type(ty);
    open.0
}

/// The walk and its findings.
#[derive(Default)]
pub(crate) struct Walk {
    scopes: Scopes,
    types: Types,
    /// What calls of functions give, where it is an RDD or context: those of the session, and of the source.
    functions: Vec<(String, Shape)>,
    pub(crate) calls: Vec<Call>,
    pub(crate) macros: Vec<ParsedMacro>,
    pub(crate) errors: Vec<Refused>,
}

impl Walk {
    /// A walk that knows the session's variables, with the texts of their types, and items.
    pub(crate) fn new(outer: &[(String, String)], earlier: &[Item]) -> Walk {
        let mut walk = Walk::default();
        walk.scopes.push();
        walk.types.learn(earlier.iter());
        walk.functions = walk.returning(earlier.iter());
        for (name, ty) in outer {
            let shape = syn::parse_str(ty).map_or(Shape::Value, |ty| walk.types.shape(&ty));
            walk.scopes.bind(name.clone(), shape);
        }
        walk
    }

    /// Walks the statements of a cell.
    pub(crate) fn statements(&mut self, statements: &[Stmt]) {
        let items = statements.iter().filter_map(|statement| match statement {
            Stmt::Item(item) => Some(item),
            _ => None,
        });
        self.types.learn(items.clone());
        let functions = self.returning(items);
        self.functions.extend(functions);
        self.scopes.push();
        statements.iter().for_each(|statement| self.visit_stmt(statement));
        self.scopes.pop();
    }

    /// Walks one item that stands for itself.
    pub(crate) fn alone(&mut self, item: &Item) {
        self.types.learn(std::iter::once(item));
        self.functions.extend(self.returning(std::iter::once(item)));
        self.visit_item(item);
    }

    /// What the functions among the items return; one that returns no RDD hides an earlier one of its name.
    fn returning<'a>(&self, items: impl Iterator<Item = &'a Item>) -> Vec<(String, Shape)> {
        items
            .filter_map(|item| match item {
                Item::Fn(function) => Some((function.sig.ident.to_string(), self.types.returned(&function.sig))),
                _ => None,
            })
            .collect()
    }

    /// A function sees no variables but its parameters.
    fn function(&mut self, signature: &Signature, block: &Block) {
        let saved = std::mem::take(&mut self.scopes);
        self.scopes.push();
        for input in &signature.inputs {
            match input {
                FnArg::Receiver(_) => self.scopes.bind("self".to_owned(), self.types.named("Self")),
                FnArg::Typed(typed) => self.scopes.bind_pattern(&typed.pat, self.types.shape(&typed.ty)),
            }
        }
        self.visit_block(block);
        self.scopes = saved;
    }

    /// Visits an expression and says what it is.
    fn expr(&mut self, expr: &Expr) -> Shape {
        match expr {
            Expr::Path(path) => {
                path.path.get_ident().and_then(|name| self.scopes.lookup(&name.to_string())).unwrap_or(Shape::Value)
            }
            Expr::MethodCall(call) => self.method_call(call),
            Expr::Call(call) => self.call(call),
            Expr::Field(field) => self.field(field),
            Expr::Struct(literal) => {
                visit::visit_expr_struct(self, literal);
                literal.path.segments.last().map_or(Shape::Value, |name| self.types.named(&name.ident.to_string()))
            }
            Expr::Paren(inner) => self.expr(&inner.expr),
            Expr::Group(inner) => self.expr(&inner.expr),
            Expr::Reference(inner) => self.expr(&inner.expr),
            Expr::Try(inner) => match self.expr(&inner.expr) {
                Shape::RddResult => Shape::Rdd,
                shape => shape,
            },
            Expr::Await(inner) => self.expr(&inner.base),
            Expr::Unary(inner) => self.expr(&inner.expr),
            Expr::Index(index) => {
                self.expr(&index.index);
                if self.expr(&index.expr) == Shape::List { Shape::Rdd } else { Shape::Value }
            }
            Expr::Array(array) => self.list(array.elems.iter()),
            Expr::Block(block) => self.block(&block.block),
            Expr::Unsafe(block) => self.block(&block.block),
            Expr::If(conditional) => {
                self.scopes.push();
                self.expr(&conditional.cond);
                let shape = self.block(&conditional.then_branch);
                self.scopes.pop();
                if let Some((_, otherwise)) = &conditional.else_branch {
                    self.expr(otherwise);
                }
                shape
            }
            Expr::Match(matched) => {
                let value = self.expr(&matched.expr);
                let shapes: Vec<Shape> = matched.arms.iter().map(|arm| self.arm(arm, value)).collect();
                shapes.into_iter().find(|shape| *shape != Shape::Value).unwrap_or(Shape::Value)
            }
            Expr::Closure(closure) => {
                self.closure(closure, Shape::Value);
                Shape::Closure
            }
            Expr::ForLoop(each) => {
                let shape = if self.expr(&each.expr) == Shape::List { Shape::Rdd } else { Shape::Value };
                self.scopes.push();
                self.scopes.bind_pattern(&each.pat, shape);
                self.visit_block(&each.body);
                self.scopes.pop();
                Shape::Value
            }
            Expr::While(each) => {
                self.scopes.push();
                self.expr(&each.cond);
                self.visit_block(&each.body);
                self.scopes.pop();
                Shape::Value
            }
            Expr::Let(matched) => {
                let shape = self.expr(&matched.expr);
                self.scopes.bind_matched(&matched.pat, shape);
                Shape::Value
            }
            Expr::Macro(mac) => self.macro_call(&mac.mac),
            other => {
                visit::visit_expr(self, other);
                Shape::Value
            }
        }
    }

    /// Visits a closure whose parameters are `given` unless they have a type; says what it returns.
    fn closure(&mut self, closure: &ExprClosure, given: Shape) -> Shape {
        self.scopes.push();
        for input in &closure.inputs {
            let shape = if let Pat::Type(typed) = input { self.types.shape(&typed.ty) } else { given };
            self.scopes.bind_pattern(input, shape);
        }
        let shape = self.expr(&closure.body);
        self.scopes.pop();
        shape
    }

    /// Calls inside a macro's arguments count where these are expressions: `println!("{}", rdd.map(..).count()?)`.
    fn macro_call(&mut self, mac: &syn::Macro) -> Shape {
        let Some(arguments) = tokens::macro_arguments(mac) else { return Shape::Value };
        let list = self.list(arguments.iter());
        self.macros.push(ParsedMacro { key: std::ptr::from_ref(mac).addr(), arguments });
        if mac.path.is_ident("vec") { list } else { Shape::Value }
    }

    fn list<'a>(&mut self, elements: impl Iterator<Item = &'a Expr>) -> Shape {
        let shapes: Vec<Shape> = elements.map(|element| self.expr(element)).collect();
        if shapes.first() == Some(&Shape::Rdd) { Shape::List } else { Shape::Value }
    }

    /// The shape of a block is that of its last expression.
    fn block(&mut self, block: &Block) -> Shape {
        self.scopes.push();
        for statement in &block.stmts {
            if let Stmt::Item(item) = statement {
                if let Some(name) = item_name(item) {
                    self.scopes.bind(name, Shape::Item);
                }
                self.types.learn(std::iter::once(item));
                let functions = self.returning(std::iter::once(item));
                self.functions.extend(functions);
            }
        }
        let mut shape = Shape::Value;
        for statement in &block.stmts {
            shape = match statement {
                Stmt::Expr(expr, None) => self.expr(expr),
                other => {
                    self.visit_stmt(other);
                    Shape::Value
                }
            };
        }
        self.scopes.pop();
        shape
    }

    fn arm(&mut self, arm: &syn::Arm, value: Shape) -> Shape {
        self.scopes.push();
        let (pattern, guard) = guarded(&arm.pat);
        self.scopes.bind_matched(pattern, value);
        if let Some(guard) = guard {
            self.expr(guard);
        }
        let shape = self.expr(&arm.body);
        self.scopes.pop();
        shape
    }

    fn call(&mut self, call: &syn::ExprCall) -> Shape {
        let arguments: Vec<Shape> = call.args.iter().map(|argument| self.expr(argument)).collect();
        let Expr::Path(path) = &*call.func else {
            self.expr(&call.func);
            return Shape::Value;
        };
        let segments: Vec<String> = path.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        match &segments[..] {
            [name] if matches!(name.as_str(), "Ok" | "Some") => match arguments.first() {
                Some(Shape::Rdd) => Shape::RddResult,
                _ => Shape::Value,
            },
            [.., owner, _] if owner == "DparkContext" => Shape::Context,
            [.., owner, name] if owner == "Rdd" => operators::method(Shape::Rdd, name),
            [.., name] => {
                let owner = segments.iter().rev().nth(1).map(|owner| self.types.named(owner));
                // `Job::new(..)`, else a function; `Job(..)` is the type's own.
                match (owner, self.functions.iter().rev().find(|known| known.0 == *name)) {
                    (Some(Shape::Owner(owner)), _) => self.types.method(owner, name).unwrap_or(Shape::Value),
                    (_, Some(known)) => known.1,
                    _ => self.types.named(name),
                }
            }
            [] => Shape::Value,
        }
    }

    fn field(&mut self, field: &syn::ExprField) -> Shape {
        match (self.expr(&field.base), &field.member) {
            (Shape::Owner(owner), Member::Named(name)) => self.types.field(owner, &name.to_string()),
            (Shape::Owner(owner), Member::Unnamed(index)) => self.types.field(owner, &index.index.to_string()),
            _ => Shape::Value,
        }
    }

    fn method_call(&mut self, call: &ExprMethodCall) -> Shape {
        let receiver = self.expr(&call.receiver);
        let name = call.method.to_string();
        let own = match receiver {
            Shape::Owner(owner) => self.types.method(owner, &name),
            _ => None,
        };
        if receiver == Shape::Rdd
            && let Some(operator) = operators::operator(&name)
        {
            self.operator_call(call, operator);
        }
        // `parts.iter().map(|part| ..)`, `opened.map(|rdd| ..)`: the closure is given an RDD.
        let gives_rdd = operators::gives_rdd(receiver, &name);
        let mut made = Shape::Value;
        for argument in &call.args {
            match as_closure(argument) {
                Some(closure) if gives_rdd && closure.inputs.len() == 1 => made = self.closure(closure, Shape::Rdd),
                _ => drop(self.expr(argument)),
            }
        }
        if gives_rdd && made == Shape::Rdd && name == "map" {
            return receiver;
        }
        own.unwrap_or_else(|| operators::method(receiver, &name))
    }

    fn operator_call(&mut self, call: &ExprMethodCall, operator: &Operator) {
        let mut captures = Captures::new(&self.scopes);
        for closure in call.args.iter().filter_map(as_closure) {
            captures.visit_expr_closure(closure);
        }
        if !captures.found.is_empty() || !captures.self_uses.is_empty() {
            // The other functions of the call get the same environment, so they become factories too.
            for (index, argument) in call.args.iter().enumerate() {
                if operator.functions.contains(&index) && as_closure(argument).is_none() {
                    captures.visit_expr(argument);
                }
            }
        }
        let found = captures.finish();
        let mut problems = std::mem::take(&mut captures.problems);
        let self_uses = std::mem::take(&mut captures.self_uses);
        if let Some(first) = found.first() {
            if call.turbofish.is_some() {
                problems.push((Problem::TypeArguments, first.name.clone(), call.method.span()));
            }
            if found.len() > form::MAX_CAPTURES {
                problems.push((Problem::TooMany, first.name.clone(), call.method.span()));
            }
        }
        for (problem, variable, span) in &problems {
            let error = RewriteError::new(*problem, variable, operator.name, *span);
            self.errors.push(Refused { key: key(call), error, span: *span });
        }
        if found.is_empty() || !problems.is_empty() {
            return;
        }
        let functions = call
            .args
            .iter()
            .enumerate()
            .filter_map(|(index, argument)| {
                let closure = as_closure(argument);
                if closure.is_none() && !operator.functions.contains(&index) {
                    return None;
                }
                let needs_move =
                    closure.filter(|closure| closure.capture.is_none()).map(|closure| closure.inputs_begin.span);
                Some(Function { index, start: argument.span(), needs_move })
            })
            .collect();
        self.calls.push(Call {
            key: key(call),
            dot: call.dot_token.span,
            operator: call.method.span(),
            captures: found,
            functions,
            self_uses,
        });
    }

    fn bind_local(&mut self, local: &Local, shape: Shape) {
        if let Pat::Type(typed) = &local.pat {
            let written = self.types.shape(&typed.ty);
            // `Vec<_>` leaves open what the value may tell.
            let shape = if written == Shape::Value && leaves_open(&typed.ty) { shape } else { written };
            self.scopes.bind_pattern(&typed.pat, shape);
            return;
        }
        self.scopes.bind_pattern(&local.pat, shape);
        // `let (a, b) = (rdd.clone(), n);`
        if let (Pat::Tuple(pattern), Some(init)) = (&local.pat, &local.init)
            && let Expr::Tuple(values) = &*init.expr
            && pattern.elems.len() == values.elems.len()
        {
            for (pattern, value) in pattern.elems.iter().zip(&values.elems) {
                let (calls, errors) = (self.calls.len(), self.errors.len());
                let shape = self.expr(value);
                self.calls.truncate(calls);
                self.errors.truncate(errors);
                self.scopes.bind_pattern(pattern, shape);
            }
        }
    }
}

impl<'ast> Visit<'ast> for Walk {
    fn visit_macro(&mut self, mac: &'ast syn::Macro) {
        self.macro_call(mac);
    }

    fn visit_expr(&mut self, expr: &'ast Expr) {
        self.expr(expr);
    }

    fn visit_block(&mut self, block: &'ast Block) {
        self.block(block);
    }

    fn visit_local(&mut self, local: &'ast Local) {
        let mut shape = Shape::Value;
        if let Some(init) = &local.init {
            shape = self.expr(&init.expr);
            if let Some((_, diverge)) = &init.diverge {
                self.expr(diverge);
            }
        }
        let shape = if local.init.as_ref().is_some_and(|init| init.diverge.is_some()) && shape == Shape::RddResult {
            self.scopes.bind_matched(&local.pat, shape);
            return;
        } else {
            shape
        };
        self.bind_local(local, shape);
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig, &item.block);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig, &item.block);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.function(&item.sig, block);
        }
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        self.types.enter_impl(&item.self_ty);
        visit::visit_item_impl(self, item);
        self.types.leave();
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let Some((_, items)) = &item.content else { return };
        self.types.learn(items.iter());
        let known = self.functions.len();
        let functions = self.returning(items.iter());
        self.functions.extend(functions);
        items.iter().for_each(|item| self.visit_item(item));
        self.functions.truncate(known);
    }

    // Constants see no variables.
    fn visit_item_const(&mut self, _: &'ast syn::ItemConst) {}
    fn visit_item_static(&mut self, _: &'ast syn::ItemStatic) {}
}
