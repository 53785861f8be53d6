//! Articles of the knowledge base out of files of all kinds, and questions to it.

use std::fs;
use std::io::{Cursor, Write};
use std::sync::Arc;

use qingting_index::knowledge::{KnowledgeIndex, KnowledgeQuery, cut, read_file};
use qingting_models::StaticVectors;
use qingting_pipeline::assets::Assets;
use qingting_pipeline::record::Role;
use tempfile::TempDir;
use zip::write::FileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::{Run, few, pipeline};

pub(super) const WORDS: &[&str] = &[
    "<html>",
    "<title>",
    "</title>",
    "<h1>",
    "<script>",
    "</script>",
    "<style>",
    "<!--",
    "-->",
    "<td>",
    "<br>",
    "&amp;",
    "&#x4e2d;",
    "&nbsp;",
    "&",
    ";",
    "---",
    "# ",
    "title:",
    "valid_from:",
    "2026-02-30",
    "[a](b)",
    "![",
    "](",
    "**",
    "id",
    "title",
    "body",
    "category",
    "valid_to",
    "department",
    "<w:p>",
    "<w:r>",
    "<w:t>",
    "</w:t>",
    "</w:p>",
    "<w:tbl>",
    "<w:tr>",
    "<w:tc>",
    "<w:sdt>",
    "<w:sdtContent>",
    "<w:ins>",
    "<w:del>",
    "<w:pStyle w:val=\"Title\"/>",
    "<w:outlineLvl w:val=\"0\"/>",
    "<w:numPr>",
    "<w:drawing>",
    "怎么办",
    "需要什么材料",
    "居住证",
    "公积金",
];

const KINDS: &[&str] = &["html", "md", "jsonl", "csv", "txt", "json", "docx"];

struct Files(TempDir);

pub(super) fn open_files() -> Box<dyn Run> {
    Box::new(Files(tempfile::tempdir().unwrap()))
}

/// A Word document with this text of its main part.
fn docx(document: &[u8]) -> Vec<u8> {
    const TYPES: &str = r#"<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>"#;
    const RELATIONS: &str = r#"<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>"#;
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = FileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, content) in [
        ("[Content_Types].xml", TYPES.as_bytes()),
        ("_rels/.rels", RELATIONS.as_bytes()),
        ("word/document.xml", document),
    ] {
        zip.start_file(name, options).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

impl Run for Files {
    /// The first line says what kind of file the rest is; `word` is the text of a Word document, still to be packed.
    fn seeds(&self) -> Vec<Vec<u8>> {
        let document = br#"<?xml version="1.0"?><w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:pPr><w:pStyle w:val="Title"/></w:pPr><w:r><w:t>x</w:t></w:r></w:p></w:body></w:document>"#;
        let bomb = docx(&b" ".repeat(80 << 20));
        vec![
            [b"docx\n", docx(document).as_slice()].concat(),
            [b"docx\n", bomb.as_slice()].concat(),
        ]
    }

    fn run(&mut self, input: &[u8]) -> String {
        let end = input.iter().position(|&byte| byte == b'\n').unwrap_or(0);
        let (kind, rest) = (&input[..end], &input[(end + 1).min(input.len())..]);
        let sum: usize = kind.iter().map(|&byte| usize::from(byte)).sum();
        let (kind, content) = match std::str::from_utf8(kind) {
            Ok("word") => ("docx", docx(rest)),
            Ok(kind) if KINDS.contains(&kind) => (kind, rest.to_vec()),
            _ => (KINDS[sum % KINDS.len()], input.to_vec()),
        };
        let path = self.0.path().join(format!("article.{kind}"));
        fs::write(&path, content).unwrap();
        let read = match read_file(&path) {
            Ok(read) => read,
            Err(error) => return format!("{kind} {error}"),
        };
        for article in read.articles.iter().take(20) {
            assert!(article.problem().is_none(), "{article:?}");
            let length = article.body.chars().count() as u32;
            let mut covered = 0;
            for span in cut(&article.body, 200, 40) {
                assert!(
                    span.start <= covered.max(span.start) && span.start < span.end && span.end <= length,
                    "{span:?}"
                );
                covered = span.end;
            }
        }
        let reasons: Vec<_> = read.refused.iter().take(5).map(|refused| refused.reason.as_str()).collect();
        format!("{kind} {} {}", few(read.articles.len()), reasons.join("|"))
    }
}

struct Questions {
    index: KnowledgeIndex,
    _folder: TempDir,
}

pub(super) fn open_questions() -> Box<dyn Run> {
    let folder = tempfile::tempdir().unwrap();
    let pipeline = pipeline();
    let index = KnowledgeIndex::open_or_create(
        folder.path(),
        Arc::clone(pipeline.segmenter()),
        Arc::clone(pipeline.normalizer()),
        StaticVectors::embedded().unwrap(),
    );
    let index = index.unwrap();
    let articles = folder.path().join("articles.jsonl");
    fs::write(&articles, &*Assets::embedded().read("demo/articles.jsonl").unwrap().text).unwrap();
    index.import(&[articles]).unwrap();
    Box::new(Questions { index, _folder: folder })
}

impl Run for Questions {
    fn run(&mut self, input: &[u8]) -> String {
        let text = String::from_utf8_lossy(input);
        let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
        let query = KnowledgeQuery {
            text: first.to_owned(),
            category: rest.lines().next().filter(|line| !line.is_empty()).map(str::to_owned),
            include_expired: rest.len() % 2 == 0,
            ..KnowledgeQuery::default()
        };
        let hits = self.index.search(&query).unwrap();
        for hit in &hits {
            assert!(hit.score.is_finite() && (0.0..=1.0).contains(&hit.confidence), "{hit:?}");
            let length = hit.passage.chars().count() as u32;
            assert!(hit.highlights.iter().all(|span| span.start < span.end && span.end <= length), "{hit:?}");
        }
        let turns: Vec<_> = text.lines().take(50).map(|line| (Role::Caller, line)).collect();
        let need = self.index.need(&turns);
        let suggestion = self.index.suggest(&need, &KnowledgeQuery::default()).unwrap();
        let _ = (self.index.kept_question(&text), self.index.matter(&turns), self.index.unanswered(&hits));
        let lines = few(text.lines().count());
        let marks = few(hits.first().map_or(0, |hit| hit.highlights.len()));
        let expired = hits.iter().any(|hit| hit.expired);
        let (hits, need, suggested) = (few(hits.len()), few(need.len()), few(suggestion.hits.len()));
        format!("{hits} {marks} {expired} {need} {suggested} {lines}")
    }
}
