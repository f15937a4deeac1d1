//! What cells are called in messages: `cell 4`. No two of a session have the same title, since each is a file.

/// Gives titles.
#[derive(Debug, Default)]
pub(super) struct Titles {
    /// The front end's number, if it counts, and how many cells have been called by it.
    counted: Option<(u32, u32)>,
}

impl Titles {
    /// The next cells are those of this number.
    pub(super) fn count_from(&mut self, number: u32) {
        if self.counted.is_none_or(|(current, _)| current != number) {
            self.counted = Some((number, 0));
        }
    }

    /// The title of the next cell, which is the session's `number`th.
    pub(super) fn next(&mut self, number: u32) -> String {
        match &mut self.counted {
            None => format!("cell {number}"),
            Some((current, called)) => {
                *called += 1;
                if *called == 1 { format!("cell {current}") } else { format!("cell {current}.{called}") }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_of_one_number_are_told_apart() {
        let mut titles = Titles::default();
        assert_eq!(titles.next(1), "cell 1");
        titles.count_from(7);
        assert_eq!([titles.next(2), titles.next(3)], ["cell 7", "cell 7.2"]);
        titles.count_from(7);
        assert_eq!(titles.next(4), "cell 7.3");
        titles.count_from(8);
        assert_eq!(titles.next(5), "cell 8");
    }
}
