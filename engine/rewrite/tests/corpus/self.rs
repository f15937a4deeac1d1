// `self` in a closure: the user's words stay as a comment, the copy stands before them.

// case: a field
impl Job { fn f(&self, rdd: &Rdd<i64>) -> Rdd<i64> { rdd.map(|x| x + self.x) } }
// =>
impl Job { fn f(&self, rdd: &Rdd<i64>) -> Rdd<i64> { rdd.with_env<self.x>.map(|(__dpark_self_x,)| move |x| x + __dpark_self_x/*self.x*/) } }

// case: several fields, one twice, one nested
impl Job { fn f(&self, rdd: &Rdd<i64>) { rdd.map(|x| x + self.x + self.y.z + self.x); } }
// =>
impl Job { fn f(&self, rdd: &Rdd<i64>) { rdd.with_env<self.x, self.y>.map(|(__dpark_self_x,__dpark_self_y,)| move |x| x + __dpark_self_x/*self.x*/ + __dpark_self_y/*self.y*/.z + __dpark_self_x/*self.x*/); } }

// case: fields in macros
impl Job { fn f(&self, rdd: &Rdd<i64>) { rdd.map(|x| format!("{} {}", self.name, x + self.x)); } }
// =>
impl Job { fn f(&self, rdd: &Rdd<i64>) { rdd.with_env<self.name, self.x>.map(|(__dpark_self_name,__dpark_self_x,)| move |x| format!("{} {}", __dpark_self_name/*self.name*/, x + __dpark_self_x/*self.x*/)); } }

// case: a method needs the whole
impl Job { fn f(&self, rdd: &Rdd<i64>) { rdd.map(|x| self.score(x) + self.x); } }
// =>
impl Job { fn f(&self, rdd: &Rdd<i64>) { rdd.with_env<self>.map(|(__dpark_self,)| move |x| __dpark_self/*self*/.score(x) + __dpark_self/*self*/.x); } }

// case: with other variables
impl Job { fn f(self, rdd: &Rdd<i64>, n: i64) { rdd.filter(|x| *x > n + self.limit); } }
// =>
impl Job { fn f(self, rdd: &Rdd<i64>, n: i64) { rdd.with_env<n, self.limit>.filter(|(n,__dpark_self_limit,)| move |x| *x > n + __dpark_self_limit/*self.limit*/); } }

// case: macros that are no expressions
impl Job { fn f(&self, rdd: &Rdd<i64>) { rdd.map(|x| my_macro!(x => self.x, self.m(1))); } }
// =>
impl Job { fn f(&self, rdd: &Rdd<i64>) { rdd.with_env<self>.map(|(__dpark_self,)| move |x| my_macro!(x => __dpark_self/*self*/.x, __dpark_self/*self*/.m(1))); } }

// case: self of an item inside is another one
impl Job { fn f(&self, rdd: &Rdd<i64>) { rdd.map(|x| { impl T for U { fn g(&self) -> i64 { self.x } } x }); } }
// =>
impl Job { fn f(&self, rdd: &Rdd<i64>) { rdd.map(|x| { impl T for U { fn g(&self) -> i64 { self.x } } x }); } }
