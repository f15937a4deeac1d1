//! Where boxes stand in a layered drawing: each box below those that point to it, the boxes of a layer in an order in
//! which arrows cross seldom, and close to what they are joined to. An arrow that passes a layer has a place of its own
//! there, so it never runs behind a box.

/// A box to place.
pub(super) struct Node {
    /// Its size.
    pub(super) width: f64,
    pub(super) height: f64,
    /// What points to it.
    pub(super) parents: Vec<Parent>,
}

/// A box that points to another.
#[derive(Clone, Copy)]
pub(super) struct Parent {
    /// Its index, smaller than that of the other.
    pub(super) index: usize,
    /// Where in the other its arrow ends, as a distance from the middle.
    pub(super) port: f64,
}

impl Parent {
    /// One whose arrow ends in the middle.
    pub(super) fn of(index: usize) -> Parent {
        Parent { index, port: 0.0 }
    }
}

/// A placed box: its upper left corner.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Place {
    pub(super) x: f64,
    pub(super) y: f64,
}

/// A layer that an arrow passes: where, from which height to which.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pass {
    pub(super) x: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
}

/// An arrow between two boxes, and the layers it passes on its way.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Arrow {
    pub(super) parent: usize,
    pub(super) child: usize,
    pub(super) passes: Vec<Pass>,
}

/// The places of all boxes, the arrows, and the size of the drawing.
pub(super) struct Layout {
    pub(super) places: Vec<Place>,
    pub(super) arrows: Vec<Arrow>,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// Space between the boxes of a layer, and between layers.
#[derive(Clone, Copy)]
pub(super) struct Gap {
    pub(super) x: f64,
    pub(super) y: f64,
}

/// Sweeps over the layers that improve their order, and the places.
const SWEEPS: usize = 6;
/// Width of the place of an arrow that passes a layer.
const PASS: f64 = 12.0;

/// Places boxes, parents above children.
pub(super) fn layout(nodes: &[Node], gap: Gap) -> Layout {
    let depth = depths(nodes);
    let mut grid = Grid::new(nodes, &depth, gap);
    for sweep in 0..SWEEPS {
        grid.order(sweep % 2 == 0);
    }
    grid.pack();
    for sweep in 0..SWEEPS {
        grid.pull(sweep % 2 == 0);
    }
    grid.finish(nodes)
}

/// The layer of each box: one below the lowest that points to it, and those without such directly above what they point
/// to.
fn depths(nodes: &[Node]) -> Vec<usize> {
    let mut depth = vec![0; nodes.len()];
    let mut highest_child = vec![usize::MAX; nodes.len()];
    for (index, node) in nodes.iter().enumerate() {
        depth[index] = node.parents.iter().map(|parent| depth[parent.index] + 1).max().unwrap_or(0);
    }
    for (index, node) in nodes.iter().enumerate() {
        for parent in &node.parents {
            highest_child[parent.index] = highest_child[parent.index].min(depth[index]);
        }
    }
    for (index, node) in nodes.iter().enumerate() {
        if node.parents.is_empty() && highest_child[index] != usize::MAX {
            depth[index] = highest_child[index].saturating_sub(1);
        }
    }
    depth
}

/// What stands in a layer: a box, or the place of an arrow that passes.
struct Spot {
    width: f64,
    height: f64,
    above: Vec<Link>,
    below: Vec<Link>,
    /// Its left side.
    x: f64,
    /// Its place in the layer.
    rank: f64,
}

/// What a spot is joined to: another one, and how far to the right that one would pull it from below its middle.
#[derive(Clone, Copy)]
struct Link {
    spot: usize,
    pull: f64,
}

impl Spot {
    fn middle(&self) -> f64 {
        self.x + self.width / 2.0
    }
}

/// The layers, and the arrows through them. The first spots are the boxes.
struct Grid {
    spots: Vec<Spot>,
    layers: Vec<Vec<usize>>,
    /// For each arrow: parent, child, the spots between.
    arrows: Vec<(usize, usize, Vec<usize>)>,
    gap: Gap,
}

impl Grid {
    fn new(nodes: &[Node], depth: &[usize], gap: Gap) -> Grid {
        let spot = |width, height| Spot { width, height, above: vec![], below: vec![], x: 0.0, rank: 0.0 };
        let mut grid = Grid {
            spots: nodes.iter().map(|node| spot(node.width, node.height)).collect(),
            layers: vec![Vec::new(); depth.iter().max().map_or(0, |deepest| deepest + 1)],
            arrows: Vec::new(),
            gap,
        };
        depth.iter().enumerate().for_each(|(index, layer)| grid.layers[*layer].push(index));
        for (child, node) in nodes.iter().enumerate() {
            for Parent { index: parent, port } in &node.parents {
                let first = grid.spots.len();
                for layer in depth[*parent] + 1..depth[child] {
                    grid.layers[layer].push(grid.spots.len());
                    grid.spots.push(spot(PASS, 0.0));
                }
                let between: Vec<usize> = (first..grid.spots.len()).collect();
                let way: Vec<usize> = [*parent].into_iter().chain(between.iter().copied()).chain([child]).collect();
                for pair in way.windows(2) {
                    let port = if pair[1] == child { *port } else { 0.0 };
                    grid.spots[pair[0]].below.push(Link { spot: pair[1], pull: port });
                    grid.spots[pair[1]].above.push(Link { spot: pair[0], pull: -port });
                }
                grid.arrows.push((*parent, child, between));
            }
        }
        grid.layers.iter().for_each(|layer| rank(&mut grid.spots, layer));
        grid
    }

    /// Orders the layers by the middle of what is above (`down`) or below.
    fn order(&mut self, down: bool) {
        for index in sweep(self.layers.len(), down) {
            let mut layer = std::mem::take(&mut self.layers[index]);
            let wish = |spot: &usize| {
                let spot = &self.spots[*spot];
                let joined = if down { &spot.above } else { &spot.below };
                let rank = |link: &Link| self.spots[link.spot].rank + link.pull / self.spots[link.spot].width.max(1.0);
                mean(joined, rank).unwrap_or(spot.rank)
            };
            layer.sort_by(|one, other| wish(one).total_cmp(&wish(other)));
            rank(&mut self.spots, &layer);
            self.layers[index] = layer;
        }
    }

    /// Puts the spots of each layer side by side.
    fn pack(&mut self) {
        for layer in &self.layers {
            let mut x = 0.0;
            for spot in layer {
                self.spots[*spot].x = x;
                x += self.spots[*spot].width + self.gap.x;
            }
        }
    }

    /// Moves spots below (`down`) or above the middle of what they are joined to, as far as their neighbours let them.
    fn pull(&mut self, down: bool) {
        for index in sweep(self.layers.len(), down) {
            let layer = &self.layers[index];
            let wish = |spot: &usize| {
                let spot = &self.spots[*spot];
                let joined = if down { &spot.above } else { &spot.below };
                let middle = mean(joined, |link| self.spots[link.spot].middle() + link.pull);
                middle.map_or(spot.x, |middle| middle - spot.width / 2.0)
            };
            let wishes: Vec<f64> = layer.iter().map(wish).collect();
            let room = |at: usize| self.spots[layer[at]].width + self.gap.x;
            let mut pushed = wishes.clone();
            (1..layer.len()).for_each(|at| pushed[at] = pushed[at].max(pushed[at - 1] + room(at - 1)));
            let mut pulled = wishes;
            (1..layer.len()).rev().for_each(|at| pulled[at - 1] = pulled[at - 1].min(pulled[at] - room(at - 1)));
            // Nothing overlaps in either, so nothing does half-way between.
            for (at, spot) in layer.iter().enumerate() {
                self.spots[*spot].x = (pushed[at] + pulled[at]) / 2.0;
            }
        }
    }

    fn finish(mut self, nodes: &[Node]) -> Layout {
        let left = self.spots.iter().map(|spot| spot.x).fold(f64::INFINITY, f64::min);
        self.spots.iter_mut().for_each(|spot| spot.x -= left);
        let width = self.spots.iter().map(|spot| spot.x + spot.width).fold(0.0, f64::max);
        let mut places = vec![Place::default(); nodes.len()];
        let mut extents = vec![(0.0, 0.0); self.spots.len()];
        let mut top = 0.0;
        for layer in &self.layers {
            let height = layer.iter().map(|spot| self.spots[*spot].height).fold(0.0, f64::max);
            for spot in layer {
                extents[*spot] = (top, top + height);
                if let Some(place) = places.get_mut(*spot) {
                    // What points down begins at one height.
                    *place = Place { x: self.spots[*spot].x, y: top + height - self.spots[*spot].height };
                }
            }
            top += height + self.gap.y;
        }
        let pass =
            |spot: &usize| Pass { x: self.spots[*spot].middle(), top: extents[*spot].0, bottom: extents[*spot].1 };
        let arrows = self.arrows.iter().map(|(parent, child, between)| Arrow {
            parent: *parent,
            child: *child,
            passes: between.iter().map(pass).collect(),
        });
        Layout { places, arrows: arrows.collect(), width, height: (top - self.gap.y).max(0.0) }
    }
}

fn sweep(layers: usize, down: bool) -> Vec<usize> {
    if down { (1..layers).collect() } else { (0..layers.saturating_sub(1)).rev().collect() }
}

fn rank(spots: &mut [Spot], layer: &[usize]) {
    layer.iter().enumerate().for_each(|(index, spot)| spots[*spot].rank = index as f64);
}

fn mean(links: &[Link], value: impl Fn(&Link) -> f64) -> Option<f64> {
    let sum: f64 = links.iter().map(value).sum();
    (!links.is_empty()).then(|| sum / links.len() as f64)
}

#[cfg(test)]
mod tests {
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
}
