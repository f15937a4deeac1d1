let n = 10_i64; let k = 3_i64; let words = vec!["to be".to_owned(), "or not to be".to_owned()];
let numbers = ctx.range(0, 12);
let pairs = numbers.map(|x| (x % k, x));
let lines = ctx.parallelize(words.clone());
let sep = ' ';
// %%
println!("{:?}", lines.flat_map_with(|line, out| for word in line.split(sep) { out.emit(word.to_owned()) }).collect()?);
println!("{:?}", numbers.filter_map(|x| (x % k == 0).then_some(x + n)).collect()?);
println!("{:?}", numbers.aggregate((0, n), |acc, x| (acc.0 + x * k, acc.1), |a, b| (a.0 + b.0, a.1.max(b.1).max(k)))?);
println!("{:?}", pairs.combine_by_key(|v| vec![v + n], |mut list, v| { list.push(v * k); list }, |mut a, b| { a.extend(b); a }).sort_by_key().collect()?);
println!("{:?}", pairs.fold_by_key(n, |a, b| a + b * k).sort_by_key().collect()?);
println!("{:?}", pairs.aggregate_by_key(0_i64, |a, v| a + v + n, |a, b| a + b).sort_by_key().collect()?);
// %%
let other = ctx.range(100, 112);
println!("{:?}", numbers.zip_partitions(&other, |a, b| a.zip(b).map(move |(x, y)| x + y + n)).collect()?);
println!("{:?}", numbers.zip(&other).map(|(a, b)| a * b + k).sum()?);
// %%
let fractions = std::collections::HashMap::from([(0_i64, 1.0), (1, 0.0), (2, 0.5)]);
println!("{:?}", pairs.sample_by_key(&fractions, 7).filter(|kv| kv.0 < k).count()?);
println!("{:?}", pairs.partition_by(4).map_values(|v| v + n).sort_by_key().first()?);
// %%
let names = ctx.parallelize(vec![(0_i64, "zero".to_owned()), (2, "two".to_owned()), (5, "five".to_owned())]);
println!("{:?}", pairs.reduce_by_key(|a, b| a + b).join(&names).map_values(|(sum, name)| format!("{name}{sep}{}", sum + n)).sort_by_key().collect()?);
println!("{:?}", names.left_outer_join(&pairs.reduce_by_key(|a, b| a.max(b))).map(|(id, (name, most))| (id * k, name, most.unwrap_or(n))).sort_by(|row| row.0).collect()?);
println!("{:?}", names.cogroup(&pairs).map_values(|(names, values)| (names.len() as i64 + k, values.iter().sum::<i64>())).sort_by_key().collect()?);
// %%
let table = ctx.broadcast(std::collections::HashMap::from([(0_i64, "a".to_owned()), (1, "b".to_owned())]));
println!("{:?}", numbers.map(|x| table.get(&(x % k)).cloned().unwrap_or_else(|| format!("{n}"))).take(4)?);
// %%
println!("{:?}", numbers.map(|x| table.get(&x).map_or(0, |name| name.len())).sum()?);
println!("{:?}", numbers.group_by(|x| x % k).map_values(|list| list.len() as i64 + n).sort_by_key().collect()?);
let small = vec![1_i64, 2];
println!("{:?}", numbers.filter(|x| small.contains(x)).collect()?);
// %%
println!("{:?}", numbers.map_partitions_with_index(|index, rows| rows.map(move |x| x + n * index as i64)).collect()?);
println!("{:?}", numbers.map_partitions(|rows| rows.map(move |x| x * k)).sum()?);
println!("{:?}", pairs.flat_map_values(|v| vec![v; (v % k) as usize]).count()?);
println!("{:?}", pairs.filter_values(|v| *v > n).collect()?);
println!("{:?}", numbers.key_by(|x| x / k).keys().distinct().count()?);
println!("{:?}", numbers.inspect(|x| assert!(*x < n + k)).fold(0, |a, b| a + b + 0 * n)?);
println!("{:?}", numbers.max_by(|x| (x % k, *x))?);
println!("{:?}", numbers.min_by(|x| (x - n).abs())?);
println!("{:?}", numbers.top_by(2, |x| (x * k) % 7)?);
println!("{:?}", pairs.top_by_key_by(1, |v| (v - n).abs()).sort_by_key().collect()?);
let mut on_driver: Vec<_> = pairs.reduce_by_key_to_driver(|a, b| a + b + n)?.into_iter().collect();
on_driver.sort();
println!("{on_driver:?}");
// %%
let seen = ctx.accumulator(0_i64);
numbers.foreach(|x| seen.add(x * k))?;
numbers.foreach_partition(|rows| seen.add(rows.count() as i64 + n))?;
println!("{}", seen.value());
// %%
let parts = numbers.random_split([1.0, 1.0], 5);
println!("{}", parts[0].map(|x| x + n).sum()? + parts[1].map(|x| x + n).sum()?);
let saved = numbers.checkpoint("saved")?;
println!("{}", saved.map(|x| x + n).sum()?);
// %%
println!("{}", parts[0].map(|x| x + n).sum()? + parts[1].map(|x| x + n).sum()?);
println!("{}", parts.iter().map(|part| part.map(|x| x + n).sum().unwrap()).sum::<i64>());
let again = ctx.read_checkpoint::<i64>("saved");
// %%
println!("{}", again.as_ref().unwrap().map(|x| x + n).sum()?);
fn evens(rdd: &Rdd<i64>) -> Rdd<i64> { rdd.filter(|x| x % 2 == 0) }
// %%
println!("{}", evens(&numbers).map(|x| x + n).sum()?);
let opt = Some(numbers.clone());
// %%
if let Some(r) = &opt { println!("{}", r.map(|x| x + n).sum()?); }
for part in &parts { println!("{}", part.map(|x| x + n).count()? > 0); }
println!("{:?}", numbers.cartesian(&numbers).filter(|(a, b)| a * b == n).count()?);
println!("{:?}", ctx.union([numbers.clone(), other.clone()]).map(|x| x + n).sum()?);
println!("{:?}", numbers.slice(0..1).map(|x| x + n).collect()?);
println!("{:?}", numbers.map(|x| x + n).stats()?.mean());
