//! The guide's table of names is complete, and what it names is there.

use std::collections::BTreeSet;
use std::path::Path;

/// The names of DPark's context and RDDs.
const DPARK: &str = "makeRDD parallelize textFile partialTextFile csvFile binaryFile tfRecordsFile tableFile table tabular \
    beansdb union zip accumulator broadcast runJob map flatMap filter mapPartitions mapPartition mapValue flatMapValue glom \
    batch enumerate enumeratePartition sample zipWith cartesian mergeSplit pipe fromCsv asTable combineByKey reduceByKey \
    groupByKey groupBy partitionByKey uniq sort topByKey groupWith cogroup join leftOuterJoin rightOuterJoin outerJoin \
    innerJoin update adcountByKey percentilesByKey collect toList collectAsMap count take first reduce fold aggregate top hot \
    foreach foreachPartition reduceByKeyToDriver lookup adcount percentiles checkpoint cache saveAsTextFile \
    saveAsTextFileByKey saveAsCSVFile saveAsBinaryFile saveAsTableFile saveAsTFRecordsFile saveAsBeansdb saveAsTabular";

/// The cells of all tables below "Names".
fn rows() -> Vec<Vec<String>> {
    let guide = include_str!("../../docs/guide.md");
    let (_, names) = guide.split_once("\n## Names\n").unwrap();
    let rows = names.lines().filter(|line| line.starts_with("| ") && !line.ends_with("| here |"));
    rows.map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

/// What stands between backquotes.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn every_name_of_dpark_has_a_row() {
    let rows = rows();
    let told: BTreeSet<&str> = rows.iter().flat_map(|row| quoted(&row[0])).collect();
    let missing: Vec<&str> = DPARK.split_whitespace().filter(|name| !told.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn what_the_table_names_is_there() {
    let mut sources = String::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut sources);
    // Methods stand behind `fn`; those of a macro in its parentheses.
    let is_there = |name: &str| [format!("pub fn {name}<"), format!("pub fn {name}("), format!("!({name},")];
    for row in rows() {
        assert_eq!(row.len(), 3, "{row:?}");
        let is_name = |name: &&str| name.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit());
        let names: Vec<&str> = quoted(&row[2]).filter(is_name).filter(|name| *name != "fmt").collect();
        assert!(!names.is_empty() || row[2].contains("not there"), "{row:?}");
        for name in names {
            assert!(is_there(name).iter().any(|text| sources.contains(text)), "`{name}` is not there: {row:?}");
        }
    }
}

fn read(directory: &Path, into: &mut String) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => read(&path, into),
            false => into.push_str(&std::fs::read_to_string(&path).unwrap()),
        }
    }
}
