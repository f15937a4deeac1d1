//! What a closure captures: the variables of the enclosing scopes that it mentions.

use crate::error::Problem;
use crate::scope::{Scopes, Shape, guarded, item_name, pattern_names};
use crate::tokens;
use proc_macro2::{Ident, Span};
use syn::visit::{self, Visit};
use syn::{Arm, BinOp, Block, Expr, ExprClosure, ExprPath, Item, Local, Macro, Member, Pat, Stmt};

/// Where the value of a captured name comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// The variable of that name.
    Variable,
    /// A field of `self`.
    SelfField(String),
    /// `self` itself.
    SelfWhole,
}

/// One captured variable.
#[derive(Clone, Debug)]
pub(crate) struct Capture {
    /// The name the closure finds it under.
    pub(crate) name: String,
    pub(crate) place: Place,
    /// The first mention.
    pub(crate) span: Span,
    /// The mention stands in a macro that could not be read as expressions.
    pub(crate) uncertain: bool,
}

/// A `self` or `self.field` in the closure, for which the captured copy has to stand.
#[derive(Clone, Debug)]
pub(crate) struct SelfUse {
    pub(crate) start: Span,
    pub(crate) end: Span,
    pub(crate) field: Option<String>,
}

/// The name of the copy of `self.field`, or of `self`.
pub(crate) fn self_name(field: Option<&str>) -> String {
    match field {
        Some(field) => format!("__dpark_self_{}", field.trim_start_matches("r#")),
        None => "__dpark_self".to_owned(),
    }
}

/// Collects the captures of the closures of one operator call.
pub(crate) struct Captures<'a> {
    scopes: &'a Scopes,
    bound: Vec<Vec<String>>,
    pub(crate) found: Vec<Capture>,
    pub(crate) self_uses: Vec<SelfUse>,
    pub(crate) problems: Vec<(Problem, String, Span)>,
    pub(crate) uncertain: bool,
}

impl<'a> Captures<'a> {
    pub(crate) fn new(scopes: &'a Scopes) -> Captures<'a> {
        Captures {
            scopes,
            bound: Vec::new(),
            found: Vec::new(),
            self_uses: Vec::new(),
            problems: Vec::new(),
            uncertain: false,
        }
    }

    /// The captures with those of `self` added: the whole of it if any mention is not a plain field.
    pub(crate) fn finish(&mut self) -> Vec<Capture> {
        let whole = self.self_uses.iter().any(|found| found.field.is_none());
        if whole {
            for found in &mut self.self_uses {
                if found.field.take().is_some() {
                    found.end = found.start;
                }
            }
        }
        for found in &self.self_uses {
            let name = self_name(found.field.as_deref());
            if self.found.iter().all(|capture| capture.name != name) {
                let place = found.field.clone().map_or(Place::SelfWhole, Place::SelfField);
                self.found.push(Capture { name, place, span: found.start, uncertain: false });
            }
        }
        std::mem::take(&mut self.found)
    }

    /// A name was mentioned where a variable may stand.
    pub(crate) fn mention(&mut self, name: &str, span: Span) {
        let Some(shape) = self.captured(name) else { return };
        match shape {
            Shape::Rdd | Shape::RddResult | Shape::WithEnv | Shape::List => {
                self.problems.push((Problem::Rdd, name.to_owned(), span))
            }
            Shape::Context => self.problems.push((Problem::Context, name.to_owned(), span)),
            Shape::Closure => self.problems.push((Problem::Closure, name.to_owned(), span)),
            _ => match self.found.iter_mut().find(|capture| capture.name == name) {
                Some(capture) => capture.uncertain &= self.uncertain,
                None => self.found.push(Capture {
                    name: name.to_owned(),
                    place: Place::Variable,
                    span,
                    uncertain: self.uncertain,
                }),
            },
        }
    }

    /// `self` or `self.field` was mentioned.
    pub(crate) fn mention_self(&mut self, start: Span, field: Option<&Ident>) {
        if self.scopes.lookup("self").is_some() {
            let end = field.map_or(start, Ident::span);
            self.self_uses.push(SelfUse { start, end, field: field.map(Ident::to_string) });
        }
    }

    /// `self` was mentioned inside a text, where nothing can stand for it.
    pub(crate) fn mention_self_in_text(&mut self, span: Span) {
        if self.scopes.lookup("self").is_some() {
            self.problems.push((Problem::SelfInText, "self".to_owned(), span));
        }
    }

    /// Binds names for the time of `inside`.
    pub(crate) fn scoped(&mut self, inside: impl FnOnce(&mut Self)) {
        self.bound.push(Vec::new());
        inside(self);
        self.bound.pop();
    }

    pub(crate) fn bind(&mut self, pattern: &Pat) {
        if let Some(names) = self.bound.last_mut() {
            names.extend(pattern_names(pattern));
        }
    }

    /// The shape of a captured variable of that name, if the name is one.
    fn captured(&self, name: &str) -> Option<Shape> {
        if self.bound.iter().flatten().any(|bound| bound == name) {
            return None;
        }
        match self.scopes.lookup(name)? {
            Shape::Item => None,
            shape => Some(shape),
        }
    }

    /// The place is written to: an error if it belongs to a captured variable.
    fn written(&mut self, place: &Expr) {
        match place {
            Expr::Path(path) => {
                let Some(ident) = path.path.get_ident() else { return };
                let name = ident.to_string();
                if name == "self" {
                    if self.scopes.lookup("self").is_some() {
                        self.problems.push((Problem::Mutated, name, ident.span()));
                    }
                    return;
                }
                match self.captured(&name) {
                    Some(Shape::Accumulator) => {
                        self.problems.push((Problem::AssignedAccumulator, name, ident.span()));
                    }
                    Some(Shape::Value | Shape::Owner(_) | Shape::Broadcast) => {
                        self.problems.push((Problem::Mutated, name, ident.span()))
                    }
                    _ => {}
                }
            }
            Expr::Field(field) => self.written(&field.base),
            Expr::Index(index) => self.written(&index.expr),
            Expr::Paren(paren) => self.written(&paren.expr),
            Expr::Unary(unary) if matches!(unary.op, syn::UnOp::Deref(_)) => self.written(&unary.expr),
            Expr::Tuple(tuple) => tuple.elems.iter().for_each(|element| self.written(element)),
            _ => {}
        }
    }
}

impl<'ast> Visit<'ast> for Captures<'_> {
    fn visit_expr_path(&mut self, path: &'ast ExprPath) {
        if path.qself.is_none()
            && let Some(ident) = path.path.get_ident()
        {
            if ident == "self" {
                self.mention_self(ident.span(), None);
            } else {
                self.mention(&ident.to_string(), ident.span());
            }
        }
    }

    fn visit_expr_field(&mut self, field: &'ast syn::ExprField) {
        if let (Expr::Path(base), Member::Named(name)) = (&*field.base, &field.member)
            && let Some(ident) = base.path.get_ident()
            && ident == "self"
        {
            self.mention_self(ident.span(), Some(name));
        } else {
            self.visit_expr(&field.base);
        }
    }

    fn visit_expr_assign(&mut self, assign: &'ast syn::ExprAssign) {
        self.written(&assign.left);
        visit::visit_expr_assign(self, assign);
    }

    fn visit_expr_binary(&mut self, binary: &'ast syn::ExprBinary) {
        if assigns(&binary.op) {
            self.written(&binary.left);
        }
        visit::visit_expr_binary(self, binary);
    }

    fn visit_expr_reference(&mut self, reference: &'ast syn::ExprReference) {
        if reference.mutability.is_some() {
            self.written(&reference.expr);
        }
        visit::visit_expr_reference(self, reference);
    }

    fn visit_macro(&mut self, mac: &'ast Macro) {
        tokens::captures_of_macro(self, mac);
    }

    fn visit_expr_closure(&mut self, closure: &'ast ExprClosure) {
        self.scoped(|this| {
            closure.inputs.iter().for_each(|input| this.bind(input));
            this.visit_expr(&closure.body);
        });
    }

    fn visit_block(&mut self, block: &'ast Block) {
        self.scoped(|this| {
            for statement in &block.stmts {
                if let (Stmt::Item(item), Some(names)) = (statement, this.bound.last_mut()) {
                    names.extend(item_name(item));
                }
            }
            visit::visit_block(this, block);
        });
    }

    fn visit_local(&mut self, local: &'ast Local) {
        if let Some(init) = &local.init {
            self.visit_expr(&init.expr);
            if let Some((_, diverge)) = &init.diverge {
                self.visit_expr(diverge);
            }
        }
        self.bind(&local.pat);
    }

    fn visit_arm(&mut self, arm: &'ast Arm) {
        self.scoped(|this| {
            let (pattern, guard) = guarded(&arm.pat);
            this.bind(pattern);
            if let Some(guard) = guard {
                this.visit_expr(guard);
            }
            this.visit_expr(&arm.body);
        });
    }

    fn visit_expr_for_loop(&mut self, each: &'ast syn::ExprForLoop) {
        self.visit_expr(&each.expr);
        self.scoped(|this| {
            this.bind(&each.pat);
            this.visit_block(&each.body);
        });
    }

    fn visit_expr_if(&mut self, conditional: &'ast syn::ExprIf) {
        self.scoped(|this| {
            this.visit_expr(&conditional.cond);
            this.visit_block(&conditional.then_branch);
        });
        if let Some((_, otherwise)) = &conditional.else_branch {
            self.visit_expr(otherwise);
        }
    }

    fn visit_expr_while(&mut self, each: &'ast syn::ExprWhile) {
        self.scoped(|this| {
            this.visit_expr(&each.cond);
            this.visit_block(&each.body);
        });
    }

    fn visit_expr_let(&mut self, matched: &'ast syn::ExprLet) {
        self.visit_expr(&matched.expr);
        self.bind(&matched.pat);
    }

    // Items inside a closure cannot mention the variables around them.
    fn visit_item(&mut self, _: &'ast Item) {}
}

fn assigns(op: &BinOp) -> bool {
    matches!(
        op,
        BinOp::AddAssign(_)
            | BinOp::SubAssign(_)
            | BinOp::MulAssign(_)
            | BinOp::DivAssign(_)
            | BinOp::RemAssign(_)
            | BinOp::BitXorAssign(_)
            | BinOp::BitAndAssign(_)
            | BinOp::BitOrAssign(_)
            | BinOp::ShlAssign(_)
            | BinOp::ShrAssign(_)
    )
}
