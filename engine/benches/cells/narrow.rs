let numbers = ctx.range(0, (1e9 * scale()) as i64);
// %%
let odd = numbers.map(|x| x * 3 + 1).filter(|x| x % 2 == 0);
// %%
let before = cpu();
// %%
let began = Instant::now();
let sum = odd.sum()?;
let wall = began.elapsed();
// %%
finish(wall, before, sum.to_string());
