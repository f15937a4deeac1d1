//! Places of small drawings.

use super::*;

const GAP: Gap = Gap { x: 24.0, y: 40.0 };

fn node(parents: &[usize]) -> Node {
    Node { width: 10.0, height: 5.0, parents: parents.iter().copied().map(Parent::of).collect() }
}

#[test]
fn a_diamond() {
    let layout = layout(&[node(&[]), node(&[0]), node(&[0]), node(&[1, 2])], GAP);
    assert_eq!((layout.width, layout.height), (44.0, 95.0));
    let at: Vec<(f64, f64)> = layout.places.iter().map(|place| (place.x, place.y)).collect();
    assert_eq!(at, [(17.0, 0.0), (0.0, 45.0), (34.0, 45.0), (17.0, 90.0)]);
    assert!(super::layout(&[], GAP).places.is_empty());
}

#[test]
fn an_arrow_over_two_layers_has_a_place_beside_the_box_between() {
    let layout = layout(&[node(&[]), node(&[0]), node(&[0, 1])], GAP);
    let long = layout.arrows.iter().find(|arrow| (arrow.parent, arrow.child) == (0, 2)).expect("it is there");
    let [pass] = long.passes[..] else { panic!("one layer between") };
    let between = layout.places[1].x;
    assert!(pass.x < between || pass.x > between + 10.0, "{pass:?} is not behind the box at {between}");
    assert_eq!((pass.top, pass.bottom), (45.0, 50.0));
}

#[test]
fn boxes_do_not_overlap() {
    // A wide layer under one box, and cross links.
    let mut nodes = vec![node(&[])];
    nodes.extend((0..9).map(|_| node(&[0])));
    nodes.extend((0..9).map(|index| node(&[1 + index, 9 - index])));
    let layout = layout(&nodes, GAP);
    for layer in [1..10, 10..19] {
        let mut left: Vec<f64> = layer.map(|index| layout.places[index].x).collect();
        left.sort_by(f64::total_cmp);
        assert!(left.windows(2).all(|pair| pair[1] - pair[0] > 33.9), "{left:?}");
    }
}

#[test]
fn boxes_stand_in_the_order_of_the_places_that_they_point_to() {
    let port = |index, port| Parent { index, port };
    let child = Node { width: 80.0, height: 5.0, parents: vec![port(0, 30.0), port(1, 0.0), port(2, -30.0)] };
    let layout = layout(&[node(&[]), node(&[]), node(&[]), child], GAP);
    let [last, middle, first] = [0, 1, 2].map(|index| layout.places[index].x);
    assert!(first < middle && middle < last, "{first} {middle} {last}");
}

#[test]
fn a_source_stands_above_what_reads_it() {
    let layout = layout(&[node(&[]), node(&[0]), node(&[]), node(&[1, 2])], GAP);
    assert_eq!(layout.places[2].y, layout.places[1].y);
}
