//! HTML that cannot do anything: every text is escaped, and there is no other way to put one in.

use super::style::Style;
use crate::{
    look::Look,
    picture::Picture,
    text::{escaped, harmless},
};

/// A page that grows from its beginning to its end.
pub(super) struct Html {
    text: String,
}

/// A table with a name in each row and figures behind it.
pub(super) struct Table {
    caption: String,
    columns: Vec<String>,
    /// Name, cells, and whether it is the sum.
    rows: Vec<(String, Vec<String>, bool)>,
    /// Whether the cells are figures.
    of_figures: bool,
    /// What stands in the place of a table without rows.
    empty: String,
}

impl Html {
    pub(super) fn new(look: &Look, title: &str) -> Self {
        let style = Style::new();
        let text = format!(
            "<!DOCTYPE html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src '{}'; base-uri 'none'; form-action 'none'\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
             <meta name=\"referrer\" content=\"no-referrer\">\n<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n<main>\n",
            look.language.tag(),
            style.hash,
            escaped(title),
            style.text,
        );
        Self { text }
    }

    pub(super) fn header(&mut self, title: &str, about: &str) {
        let (title, about) = (escaped(title), escaped(about));
        self.text += &format!("<header><h1>{title}</h1><p class=\"about\">{about}</p></header>\n");
    }

    pub(super) fn section(&mut self, title: &str) {
        self.text += &format!("<h2>{}</h2>\n", escaped(title));
    }

    pub(super) fn labelled(&mut self, label: &str, value: &str) {
        self.text += &format!("<p>{}<code><bdi>{}</bdi></code></p>\n", escaped(label), escaped(value));
    }

    /// Sentences, one below the other.
    pub(super) fn list(&mut self, sentences: &[String]) {
        self.text += "<ul>\n";
        for sentence in sentences {
            self.text += &format!("<li>{}</li>\n", escaped(sentence));
        }
        self.text += "</ul>\n";
    }

    pub(super) fn picture(&mut self, picture: &Picture) {
        self.text += &format!("<figure>\n{}</figure>\n", picture.svg());
    }

    pub(super) fn table(&mut self, table: &Table) {
        if table.rows.is_empty() {
            self.text += &format!("<p>{}</p>\n", escaped(&table.empty));
            return;
        }
        let class = if table.of_figures { " class=\"figures\"" } else { "" };
        self.text += &format!(
            "<div class=\"table\"><table{class}>\n<caption>{}</caption>\n<thead><tr>",
            escaped(&table.caption)
        );
        for column in &table.columns {
            match column.is_empty() {
                true => self.text += "<td></td>",
                false => self.text += &format!("<th scope=\"col\">{}</th>", escaped(column)),
            }
        }
        self.text += "</tr></thead>\n<tbody>\n";
        for (name, cells, is_sum) in &table.rows {
            let class = if *is_sum { " class=\"sum\"" } else { "" };
            self.text +=
                &format!("<tr{class}><th scope=\"row\"><bdi>{}</bdi></th>", escaped(&harmless(name)));
            for cell in cells {
                self.text += &format!("<td><bdi>{}</bdi></td>", escaped(&harmless(cell)));
            }
            self.text += "</tr>\n";
        }
        self.text += "</tbody></table></div>\n";
    }

    pub(super) fn finish(self) -> String {
        self.text + "</main>\n</body>\n</html>\n"
    }
}

impl Table {
    pub(super) fn new(caption: &str, columns: &[&str]) -> Self {
        let columns = columns.iter().map(|column| (*column).to_owned()).collect();
        Self {
            caption: caption.to_owned(),
            columns,
            rows: Vec::new(),
            of_figures: true,
            empty: String::new(),
        }
    }

    /// A table of words, and what is said where it has no rows.
    pub(super) fn of_words(self, empty: &str) -> Self {
        Self { of_figures: false, empty: empty.to_owned(), ..self }
    }

    pub(super) fn row(&mut self, name: &str, cells: &[String]) {
        self.rows.push((name.to_owned(), cells.to_vec(), false));
    }

    pub(super) fn total(&mut self, name: &str, cells: &[String]) {
        self.rows.push((name.to_owned(), cells.to_vec(), true));
    }
}
