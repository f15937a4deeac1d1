let words = ctx.text_file(path("words")).flat_map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
// %%
let counts = words.map(|word| (word, 1)).reduce_by_key(|a, b| a + b);
// %%
fn check(word: &[u8], count: u64) -> u64 {
    word.iter().fold(count, |sum, byte| sum.wrapping_mul(0x100_0000_01b3) ^ u64::from(*byte))
}
let checked = counts.map(|(word, count)| (1u64, count as u64, check(word.as_bytes(), count as u64)));
// %%
let before = cpu();
// %%
let began = Instant::now();
let (distinct, total, checksum) = checked.reduce(|a, b| (a.0 + b.0, a.1 + b.1, a.2.wrapping_add(b.2)))?;
let wall = began.elapsed();
// %%
finish(wall, before, format!("{distinct} {total} {checksum}"));
