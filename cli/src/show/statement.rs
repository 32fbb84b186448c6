use super::{
    cut::{pad, width},
    wrap::wrap,
};

const INDENT: &str = "  ";

/// Lines of numbers that belong together, each with what they are of.
#[derive(Debug, Default)]
pub(crate) struct Statement {
    lines: Vec<(Vec<String>, String)>,
}

impl Statement {
    /// Adds a line; all of them have as many numbers.
    pub(crate) fn say(&mut self, numbers: impl IntoIterator<Item = String>, of: impl Into<String>) {
        self.lines.push((numbers.into_iter().collect(), of.into()));
    }

    /// The numbers one below the other, the words beside them in what room is left.
    pub(crate) fn render(&self, terminal_width: Option<usize>) -> String {
        let mut widths = Vec::new();
        for (numbers, _) in &self.lines {
            widths.resize(numbers.len().max(widths.len()), 0);
            for (columns, number) in widths.iter_mut().zip(numbers) {
                *columns = (*columns).max(width(number));
            }
        }
        let mut shown = String::new();
        for (numbers, of) in &self.lines {
            let mut line = INDENT.to_owned();
            for (number, columns) in numbers.iter().zip(&widths) {
                line.push_str(&pad(number, *columns, true));
                line.push_str(INDENT);
            }
            let hanging = width(&line);
            shown.push_str(wrap(&(line + of), terminal_width, hanging).trim_end());
            shown.push('\n');
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_aligned_and_words_hang_beside_them() {
        let mut statement = Statement::default();
        statement.say(["12 345".to_owned(), "out".to_owned()], "counted by the kernel");
        statement.say(["7".to_owned(), String::new()], "lost");
        assert_eq!(
            statement.render(Some(34)),
            "  12 345  out  counted by the\n               kernel\n       7       lost\n"
        );
        assert_eq!(statement.render(None).lines().count(), 2);
    }
}
