//! The symbol: which modules are dark, and the outlines around them.

use qrcode::{Color, EcLevel, QrCode};

/// Modules left free on each side (ISO/IEC 18004, quiet zone).
pub const QUIET_MODULES: usize = 4;

/// East, south, west, north: a turn to the right is one further.
const STEPS: [(isize, isize); 4] = [(1, 0), (0, 1), (-1, 0), (0, -1)];

/// A closed line through corners of modules, in modules from the quiet zone's corner.
pub type Outline = Vec<(usize, usize)>;

/// A symbol.
#[derive(Debug, Clone)]
pub struct Symbol {
    side: usize,
    dark: Vec<bool>,
}

impl Symbol {
    /// The symbol that says a text: level H where something is to lie over it, else M. `None`
    /// if the text is too long for any.
    pub fn of(text: &str, is_covered: bool) -> Option<Self> {
        let level = if is_covered { EcLevel::H } else { EcLevel::M };
        let code = QrCode::with_error_correction_level(text, level).ok()?;
        Some(Self {
            side: code.width(),
            dark: code
                .to_colors()
                .into_iter()
                .map(|module| module == Color::Dark)
                .collect(),
        })
    }

    /// Modules of a side, without the quiet zone.
    pub fn side(&self) -> usize {
        self.side
    }

    /// The same, for lengths. At most 177.
    pub(super) fn side_f64(&self) -> f64 {
        u16::try_from(self.side).map_or(0.0, f64::from)
    }

    /// Modules of a side with the quiet zone.
    pub fn width(&self) -> usize {
        self.side + 2 * QUIET_MODULES
    }

    /// The same, for lengths.
    pub(super) fn width_f64(&self) -> f64 {
        u16::try_from(self.width()).map_or(0.0, f64::from)
    }

    /// Whether a module is dark; those of the quiet zone and beyond are not. Counted from the
    /// quiet zone's corner.
    pub fn is_dark(&self, x: usize, y: usize) -> bool {
        let inside = |at: usize| at.checked_sub(QUIET_MODULES).filter(|at| *at < self.side);
        match (inside(x), inside(y)) {
            (Some(x), Some(y)) => self.dark[y * self.side + x],
            _ => false,
        }
    }

    /// Makes a square in the middle light that is at least this wide, in modules. The side of
    /// a symbol is odd, so the square's is too.
    pub(super) fn clear_middle(&mut self, modules: f64) {
        let middle = self.side / 2;
        let reach = (0..middle)
            .find(|reach| u16::try_from(2 * reach + 1).is_ok_and(|wide| f64::from(wide) >= modules))
            .unwrap_or(middle);
        for y in middle - reach..=middle + reach {
            self.dark[y * self.side + middle - reach..=y * self.side + middle + reach].fill(false);
        }
    }

    /// Outlines around everything dark. Filled by either rule they are the symbol, as one shape:
    /// no seams between modules, however it is scaled.
    pub fn outlines(&self) -> Vec<Outline> {
        let mut edges = self.edges();
        let mut outlines = Vec::new();
        for start in 0..edges.len() {
            while edges[start] != 0 {
                outlines.push(self.walk(&mut edges, start));
            }
        }
        outlines
    }

    /// Corners of a side.
    fn corners(&self) -> usize {
        self.width() + 1
    }

    /// For every corner, the directions in which an edge leaves it that has dark on its right
    /// and light on its left; one bit each.
    fn edges(&self) -> Vec<u8> {
        let corners = self.corners();
        let mut edges = vec![0; corners * corners];
        for y in QUIET_MODULES..QUIET_MODULES + self.side {
            for x in QUIET_MODULES..QUIET_MODULES + self.side {
                if !self.is_dark(x, y) {
                    continue;
                }
                let mut edge = |is_dark: bool, x: usize, y: usize, direction: usize| {
                    if !is_dark {
                        edges[y * corners + x] |= 1 << direction;
                    }
                };
                edge(self.is_dark(x, y - 1), x, y, 0);
                edge(self.is_dark(x + 1, y), x + 1, y, 1);
                edge(self.is_dark(x, y + 1), x + 1, y + 1, 2);
                edge(self.is_dark(x - 1, y), x, y + 1, 3);
            }
        }
        edges
    }

    /// Follows edges from a corner until it is reached again, and takes them away.
    fn walk(&self, edges: &mut [u8], start: usize) -> Outline {
        let corners = self.corners();
        let mut direction = edges[start].trailing_zeros() as usize;
        let (mut at, mut outline) = (start, Vec::new());
        loop {
            outline.push((at % corners, at / corners));
            // On along the line; every corner has as many edges in as out.
            loop {
                edges[at] &= !(1 << direction);
                let (dx, dy) = STEPS[direction];
                at = at
                    .wrapping_add_signed(dx)
                    .wrapping_add_signed(dy * corners.cast_signed());
                if at == start {
                    return outline;
                }
                let turns = [direction + 1, direction, direction + 3].map(|turn| turn % 4);
                let next = turns.into_iter().find(|turn| edges[at] & (1 << turn) != 0);
                let next = next.unwrap_or(direction);
                if next != direction {
                    direction = next;
                    break;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the outlines fill, by the even-odd rule along each row.
    fn filled(symbol: &Symbol) -> Vec<bool> {
        let width = symbol.width();
        let mut crossings = vec![false; width * width];
        for outline in symbol.outlines() {
            let ends = outline.iter().cycle().skip(1);
            for (&(x, from), &(end, to)) in outline.iter().zip(ends) {
                assert!((x == end) != (from == to), "a line is straight");
                if x == end {
                    for y in from.min(to)..from.max(to) {
                        crossings[y * width + x] ^= true;
                    }
                }
            }
        }
        for row in crossings.chunks_mut(width) {
            let mut inside = false;
            for cell in row {
                inside ^= *cell;
                *cell = inside;
            }
        }
        crossings
    }

    #[test]
    fn outlines_enclose_what_is_dark_and_nothing_else() {
        for length in [1, 20, 60, 300] {
            for covered in [false, true] {
                let mut symbol = Symbol::of(&"x/".repeat(length), covered).unwrap();
                if covered {
                    symbol.clear_middle(9.3);
                }
                let width = symbol.width();
                let modules = (0..width * width).map(|n| symbol.is_dark(n % width, n / width));
                assert!(filled(&symbol).into_iter().eq(modules), "{length}");
            }
        }
    }

    #[test]
    fn a_cleared_middle_is_light_centred_and_wide_enough() {
        let mut symbol = Symbol::of("https://qitai.example.com/c/0123456789abc", true).unwrap();
        let whole = symbol.clone();
        symbol.clear_middle(9.3);
        let (width, middle) = (symbol.width(), symbol.width() / 2);
        for y in 0..width {
            for x in 0..width {
                let inside = x.abs_diff(middle) <= 5 && y.abs_diff(middle) <= 5;
                let expected = !inside && whole.is_dark(x, y);
                assert_eq!(symbol.is_dark(x, y), expected, "{x} {y}");
            }
        }
    }

    #[test]
    fn what_no_symbol_takes_is_no_symbol() {
        assert!(Symbol::of(&"x".repeat(1200), true).is_some());
        assert!(Symbol::of(&"x".repeat(1300), true).is_none());
    }
}
