//! Where boxes stand in a layered drawing: each box one layer below its lowest parent, the boxes of a layer ordered by
//! the middle of their parents, so that arrows cross seldom.

/// A box to place.
pub(super) struct Node {
    /// Its size.
    pub(super) width: f64,
    pub(super) height: f64,
    /// Indices of the boxes that point to it; each smaller than its own.
    pub(super) parents: Vec<usize>,
}

/// A placed box: its upper left corner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place {
    pub(super) x: f64,
    pub(super) y: f64,
}

/// The places of all boxes, and the size of the drawing.
pub(super) struct Layout {
    pub(super) places: Vec<Place>,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// Space between boxes of a layer, and between layers.
const GAP: (f64, f64) = (24.0, 40.0);
/// Passes over the layers that improve their order.
const PASSES: usize = 4;

/// Places boxes, parents above children.
pub(super) fn layout(nodes: &[Node]) -> Layout {
    let mut layers = layers(nodes);
    let mut rank = vec![0.0; nodes.len()];
    rerank(&layers, &mut rank);
    for _ in 0..PASSES {
        for layer in layers.iter_mut().skip(1) {
            layer.sort_by(|one, other| middle(nodes, &rank, *one).total_cmp(&middle(nodes, &rank, *other)));
            for (index, node) in layer.iter().enumerate() {
                rank[*node] = index as f64;
            }
        }
    }
    let layer_width = |layer: &Vec<usize>| {
        let boxes: f64 = layer.iter().map(|node| nodes[*node].width).sum();
        boxes + GAP.0 * (layer.len() as f64 - 1.0)
    };
    let width = layers.iter().map(layer_width).fold(0.0, f64::max);
    let mut places = vec![Place { x: 0.0, y: 0.0 }; nodes.len()];
    let mut y = 0.0;
    for layer in &layers {
        let mut x = (width - layer_width(layer)) / 2.0;
        for node in layer {
            places[*node] = Place { x, y };
            x += nodes[*node].width + GAP.0;
        }
        y += layer.iter().map(|node| nodes[*node].height).fold(0.0, f64::max) + GAP.1;
    }
    Layout { places, width, height: (y - GAP.1).max(0.0) }
}

/// The boxes of each layer, by longest path from a box without parents.
fn layers(nodes: &[Node]) -> Vec<Vec<usize>> {
    let mut depth = vec![0_usize; nodes.len()];
    let mut layers: Vec<Vec<usize>> = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        depth[index] = node.parents.iter().map(|parent| depth[*parent] + 1).max().unwrap_or(0);
        layers.resize_with(layers.len().max(depth[index] + 1), Vec::new);
        layers[depth[index]].push(index);
    }
    layers
}

fn rerank(layers: &[Vec<usize>], rank: &mut [f64]) {
    for layer in layers {
        for (index, node) in layer.iter().enumerate() {
            rank[*node] = index as f64;
        }
    }
}

fn middle(nodes: &[Node], rank: &[f64], node: usize) -> f64 {
    let parents = &nodes[node].parents;
    if parents.is_empty() {
        return rank[node];
    }
    parents.iter().map(|parent| rank[*parent]).sum::<f64>() / parents.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diamond() {
        let node = |parents: &[usize]| Node { width: 10.0, height: 5.0, parents: parents.to_vec() };
        let layout = layout(&[node(&[]), node(&[0]), node(&[0]), node(&[1, 2])]);
        assert_eq!((layout.width, layout.height), (44.0, 95.0));
        let at: Vec<(f64, f64)> = layout.places.iter().map(|place| (place.x, place.y)).collect();
        assert_eq!(at, [(17.0, 0.0), (0.0, 45.0), (34.0, 45.0), (17.0, 90.0)]);
        assert!(super::layout(&[]).places.is_empty());
    }
}
