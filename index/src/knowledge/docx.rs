//! The text of Word documents (DOCX, ECMA-376 part 1): paragraphs and headings a line each, tables a line a row. The
//! title is the paragraph of the style `Title`, else the first heading, else the name of the file. What was deleted
//! under revision, headers, footers, comments and pictures are left out.
//!
//! An archive can be small and hold a lot. So it is unpacked here, with a bound, and only the parts that are needed
//! are handed to the reader, uncompressed.

use std::io::{Cursor, Read, Write};
use std::panic::catch_unwind;

use docx_rs::{
    DocumentChild, Docx, InsertChild, Paragraph, ParagraphChild, Run, RunChild, StructuredDataTag,
    StructuredDataTagChild, Table, TableCellContent, TableChild, TableRowChild,
};
use quick_xml::events::{BytesStart, Event};
use zip::write::FileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// Bytes of the needed parts together, unpacked. A thousand pages of text are about 10 MB.
const MOST_BYTES: u64 = 64 << 20;

/// Tables within tables deeper than this are left out.
const MOST_DEPTH: usize = 8;

/// Nesting of elements at most: readers follow it by recursion.
const MOST_NESTING: usize = 256;

/// Title, if there is one, and text of a document.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) title: Option<String>,
    pub(super) body: String,
}

/// Reads a document.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read(bytes: &[u8]) -> Result<Text, String> {
    let parts = needed_parts(bytes)?;
    // The reader expects what the standard asks for and may panic on what others wrote.
    let docx = catch_unwind(|| docx_rs::read_docx(&parts))
        .map_err(|_| "the Word document is damaged: its reader gave up".to_owned())?
        .map_err(|error| format!("the Word document is damaged: {error}"))?;
    let mut text = Lines::new(&docx);
    for child in &docx.document.children {
        match child {
            DocumentChild::Paragraph(paragraph) => text.paragraph(paragraph),
            DocumentChild::Table(table) => text.table(table, 0),
            DocumentChild::StructuredDataTag(tag) => text.tag(tag, 0),
            _ => {}
        }
    }
    Ok(Text { title: text.title.or(text.heading), body: text.lines.join("\n") })
}

/// An archive of the same document with its text and styles only, unpacked within the bound.
fn needed_parts(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let damaged = |error: &dyn std::fmt::Display| format!("not a Word document, or a damaged one: {error}");
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|e| damaged(&e))?;
    let mut kept = ZipWriter::new(Cursor::new(Vec::new()));
    let mut left = MOST_BYTES;
    let mut has_text = false;
    for i in 0..archive.len() {
        let file = archive.by_index(i).map_err(|e| damaged(&e))?;
        let name = file.name().to_owned();
        // Relations name headers, pictures and other parts; without them the reader looks for none of these.
        let needed = [
            "[Content_Types].xml",
            "_rels/.rels",
            "word/document.xml",
            "word/styles.xml",
        ];
        if !needed.contains(&name.as_str()) {
            continue;
        }
        let mut content = Vec::new();
        // Counted while unpacking: what the archive says about sizes need not be true.
        file.take(left + 1).read_to_end(&mut content).map_err(|e| damaged(&e))?;
        left = left
            .checked_sub(content.len() as u64)
            .ok_or_else(|| format!("the Word document is larger than {} MiB unpacked", MOST_BYTES >> 20))?;
        check_xml(&content).map_err(|why| format!("the Word document is damaged: {why}"))?;
        has_text |= name == "word/document.xml";
        let options = FileOptions::default().compression_method(CompressionMethod::Stored);
        kept.start_file(name, options).map_err(|e| damaged(&e))?;
        kept.write_all(&content).map_err(|e| damaged(&e))?;
    }
    if !has_text {
        return Err("not a Word document: it has no word/document.xml".to_owned());
    }
    let options = FileOptions::default().compression_method(CompressionMethod::Stored);
    kept.start_file("word/_rels/document.xml.rels", options).map_err(|e| damaged(&e))?;
    kept.write_all(RELATIONS).map_err(|e| damaged(&e))?;
    Ok(kept.finish().map_err(|e| damaged(&e))?.into_inner())
}

/// Names the styles and nothing else.
const RELATIONS: &[u8] = br#"<?xml version="1.0" encoding="UTF-8"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" Target="styles.xml"/></Relationships>"#;

/// Whether a part is well-formed and not nested too deeply. The reader asks for the next piece for ever where one is
/// wrong or the end of an element is missing, and follows nested elements by recursion.
///
/// # Errors
/// What is wrong with it.
fn check_xml(xml: &[u8]) -> Result<(), String> {
    let mut reader = quick_xml::Reader::from_reader(xml);
    let mut depth = 0usize;
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(element) => {
                check_attributes(&element)?;
                depth += 1;
            }
            Event::Empty(element) => check_attributes(&element)?,
            Event::End(_) => depth = depth.saturating_sub(1),
            Event::Eof if depth > 0 => return Err("an element is never closed".to_owned()),
            Event::Eof => return Ok(()),
            _ => {}
        }
        if depth > MOST_NESTING {
            return Err(format!("elements nested more than {MOST_NESTING} deep"));
        }
    }
}

fn check_attributes(element: &BytesStart<'_>) -> Result<(), String> {
    element
        .attributes()
        .try_for_each(|attribute| attribute.map(drop))
        .map_err(|error| error.to_string())
}

struct Lines {
    /// Styles of headings and of titles, by id.
    headings: Vec<String>,
    titles: Vec<String>,
    title: Option<String>,
    heading: Option<String>,
    lines: Vec<String>,
}

impl Lines {
    fn new(docx: &Docx) -> Self {
        let (mut headings, mut titles) = (Vec::new(), Vec::new());
        for style in &docx.styles.styles {
            // Names are those of the standard whatever the language of the program; ids are not.
            let name = serde_json::to_value(&style.name).ok().and_then(|name| name.as_str().map(str::to_lowercase));
            let name = name.unwrap_or_default();
            if name == "title" {
                titles.push(style.style_id.clone());
            } else if name.starts_with("heading")
                || style.paragraph_property.outline_lvl.as_ref().is_some_and(|l| l.v < 9)
            {
                headings.push(style.style_id.clone());
            }
        }
        Self { headings, titles, title: None, heading: None, lines: Vec::new() }
    }

    fn paragraph(&mut self, paragraph: &Paragraph) {
        let text = text_of(paragraph);
        if text.is_empty() {
            return;
        }
        let style = paragraph.property.style.as_ref().map(|style| style.val.as_str()).unwrap_or_default();
        let is = |styles: &[String], id: &str| {
            styles.iter().any(|known| known == style) || (!style.is_empty() && style.to_lowercase().starts_with(id))
        };
        let outlined = paragraph.property.outline_lvl.as_ref().is_some_and(|level| level.v < 9);
        if self.title.is_none() && is(&self.titles, "title") {
            self.title = Some(text);
        } else if self.title.is_none()
            && self.heading.is_none()
            && self.lines.is_empty()
            && (outlined || is(&self.headings, "heading"))
        {
            // A heading before any text is the title; later ones begin sections and stay in the text.
            self.heading = Some(text);
        } else {
            self.lines.push(text);
        }
    }

    fn table(&mut self, table: &Table, depth: usize) {
        if depth >= MOST_DEPTH {
            return;
        }
        for TableChild::TableRow(row) in &table.rows {
            let mut cells: Vec<String> = Vec::new();
            for TableRowChild::TableCell(cell) in &row.cells {
                let mut inner = Self {
                    lines: Vec::new(),
                    headings: Vec::new(),
                    titles: Vec::new(),
                    title: None,
                    heading: None,
                };
                for content in &cell.children {
                    match content {
                        TableCellContent::Paragraph(paragraph) => {
                            inner.lines.extend(Some(text_of(paragraph)).filter(|t| !t.is_empty()));
                        }
                        TableCellContent::Table(table) => inner.table(table, depth + 1),
                        TableCellContent::StructuredDataTag(tag) => inner.tag(tag, depth + 1),
                        TableCellContent::TableOfContents(_) => {}
                    }
                }
                cells.extend(Some(inner.lines.join(" ")).filter(|text| !text.is_empty()));
            }
            if !cells.is_empty() {
                self.lines.push(cells.join("，"));
            }
        }
    }

    /// A form field or another marked part.
    fn tag(&mut self, tag: &StructuredDataTag, depth: usize) {
        if depth >= MOST_DEPTH {
            return;
        }
        let mut line = String::new();
        for child in &tag.children {
            match child {
                StructuredDataTagChild::Run(run) => push_run(run, &mut line),
                StructuredDataTagChild::Paragraph(paragraph) => self.paragraph(paragraph),
                StructuredDataTagChild::Table(table) => self.table(table, depth + 1),
                StructuredDataTagChild::StructuredDataTag(tag) => self.tag(tag, depth + 1),
                _ => {}
            }
        }
        self.lines.extend(Some(line.trim().to_owned()).filter(|line| !line.is_empty()));
    }
}

fn text_of(paragraph: &Paragraph) -> String {
    let mut text = String::new();
    push_children(&paragraph.children, &mut text, 0);
    text.trim().to_owned()
}

fn push_children(children: &[ParagraphChild], text: &mut String, depth: usize) {
    if depth >= MOST_DEPTH {
        return;
    }
    for child in children {
        match child {
            ParagraphChild::Run(run) => push_run(run, text),
            ParagraphChild::Insert(insert) => {
                for child in &insert.children {
                    if let InsertChild::Run(run) = child {
                        push_run(run, text);
                    }
                }
            }
            ParagraphChild::Hyperlink(link) => push_children(&link.children, text, depth + 1),
            ParagraphChild::StructuredDataTag(tag) => {
                for child in &tag.children {
                    if let StructuredDataTagChild::Run(run) = child {
                        push_run(run, text);
                    }
                }
            }
            _ => {}
        }
    }
}

fn push_run(run: &Run, text: &mut String) {
    for child in &run.children {
        match child {
            RunChild::Text(part) => text.push_str(&part.text),
            RunChild::Tab(_) | RunChild::PTab(_) => text.push(' '),
            RunChild::Break(_) | RunChild::CarriageReturn(_) => text.push('\n'),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use docx_rs::{Style, StyleType, TableCell, TableRow};

    use super::*;

    fn line(text: &str) -> Paragraph {
        Paragraph::new().add_run(Run::new().add_text(text))
    }

    fn written(docx: Docx) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        docx.build().pack(&mut bytes).unwrap();
        bytes.into_inner()
    }

    fn cell(text: &str) -> TableCell {
        TableCell::new().add_paragraph(line(text))
    }

    fn document() -> Docx {
        let table = Table::new(vec![
            TableRow::new(vec![cell("材料"), cell("份数")]),
            TableRow::new(vec![cell("身份证"), cell("一份")]),
        ]);
        Docx::new()
            .add_style(Style::new("a1", StyleType::Paragraph).name("heading 1"))
            .add_paragraph(line("居住证办理").style("a1"))
            .add_paragraph(line("带好材料到派出所。"))
            .add_paragraph(line("需要的材料").style("a1"))
            .add_table(table)
            .add_paragraph(line("十五个工作日领取。"))
    }

    #[test]
    fn headings_paragraphs_and_tables_become_title_and_lines() {
        let text = read(&written(document())).unwrap();
        assert_eq!(text.title.as_deref(), Some("居住证办理"));
        assert_eq!(text.body, "带好材料到派出所。\n需要的材料\n材料，份数\n身份证，一份\n十五个工作日领取。");
        let untitled = read(&written(Docx::new().add_paragraph(line("只有正文")))).unwrap();
        assert_eq!(untitled, Text { title: None, body: "只有正文".to_owned() });
    }

    #[test]
    fn a_damaged_document_is_refused_in_words() {
        let whole = written(document());
        for length in [0, 10, whole.len() / 2, whole.len() - 10] {
            let reason = read(&whole[..length]).unwrap_err();
            assert!(reason.contains("Word document"), "{reason}");
        }
        assert!(read("只是文字".as_bytes()).unwrap_err().contains("not a Word document"));
        let mut broken = whole;
        for byte in &mut broken[40..200] {
            *byte ^= 0x5a;
        }
        assert!(read(&broken).is_err());
    }

    fn archive(parts: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in parts {
            let options = FileOptions::default().compression_method(CompressionMethod::Deflated);
            writer.start_file(*name, options).unwrap();
            writer.write_all(content).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    /// The reader asked for the next piece for ever.
    #[test]
    fn a_document_that_is_not_well_formed_was_read_for_ever() {
        let open = r#"<w:document xmlns:w="w"><w:body><w:p><w:pPr><w:pStyle w:val="#;
        for (rest, why) in [
            (r#"Heading1"/></w:pPr></w:p></w:body></w:document>"#, "attribute"),
            (r#""Heading1"/></w:pPr><w:r><w:t>x"#, "never closed"),
            (r#""Heading1"/></w:r></w:p></w:body></w:document>"#, "expected"),
        ] {
            let document = format!("{open}{rest}");
            let reason = read(&archive(&[("word/document.xml", document.as_bytes())])).unwrap_err();
            assert!(reason.contains("damaged") && reason.contains(why), "{reason}");
        }
    }

    #[test]
    fn a_small_archive_that_unpacks_into_a_lot_is_refused() {
        let bomb = archive(&[("word/document.xml", &vec![b' '; (MOST_BYTES + 1) as usize])]);
        assert!(bomb.len() < 1 << 20);
        assert!(read(&bomb).unwrap_err().contains("larger than 64 MiB"));
        let deep = "<a>".repeat(100_000);
        assert!(read(&archive(&[("word/document.xml", deep.as_bytes())])).unwrap_err().contains("nested"));
        assert!(read(&archive(&[("xl/workbook.xml", b"<a/>")])).unwrap_err().contains("no word/document.xml"));
    }
}
