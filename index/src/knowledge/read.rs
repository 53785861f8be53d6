//! Reading articles out of files: JSON Lines, CSV, Markdown, HTML, Word, plain text. A file that is
//! not UTF-8 is read as GB18030. A bad article is refused with its line; the others go on.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use super::article::{Article, parse_day};
use crate::{Error, Result};

/// An article that was not imported.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Refused {
    /// The file.
    pub file: PathBuf,
    /// Line, from 1.
    pub line: usize,
    /// What is wrong.
    pub reason: String,
}

/// The articles of one file.
#[derive(Debug, Default)]
pub struct Read {
    /// Those that can be imported.
    pub articles: Vec<Article>,
    /// Those that cannot.
    pub refused: Vec<Refused>,
}

/// Reads a file; its extension tells the format.
///
/// # Errors
/// When the file cannot be read, or nobody knows what kind it is.
pub fn file(path: &Path) -> Result<Read> {
    let bytes = std::fs::read(path).map_err(|e| Error::io(path, e))?;
    let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
    let mut read = Read::default();
    if extension == "docx" {
        read.accept(path, 1, docx(path, &bytes));
        return Ok(read);
    }
    let text = decode(&bytes);
    match extension.as_str() {
        "jsonl" | "ndjson" | "json" => json(path, &text, &mut read),
        "csv" => csv(path, &text, &mut read)?,
        "md" | "markdown" => read.accept(path, 1, markdown(path, &text)),
        "html" | "htm" => read.accept(path, 1, Ok(html(path, &text))),
        "txt" | "text" => read.accept(path, 1, Ok(plain(path, &text))),
        other => {
            let message =
                format!("unknown kind of file \".{other}\": jsonl, json, csv, md, html, docx and txt can be read");
            return Err(Error::Input { path: path.to_owned(), line: 1, message });
        }
    }
    Ok(read)
}

impl Read {
    fn accept(&mut self, path: &Path, line: usize, article: Result<Article, String>) {
        let reason = match article {
            Ok(article) => match article.problem() {
                None => {
                    self.articles.push(article);
                    return;
                }
                Some(problem) => problem.to_owned(),
            },
            Err(reason) => reason,
        };
        self.refused.push(Refused { file: path.to_owned(), line, reason });
    }
}

fn decode(bytes: &[u8]) -> Cow<'_, str> {
    let (text, _, bad) = encoding_rs::UTF_8.decode(bytes);
    if bad {
        encoding_rs::GB18030.decode(bytes).0
    } else {
        text
    }
}

/// One object a line, or one array of objects.
fn json(path: &Path, text: &str, read: &mut Read) {
    if text.trim_start().starts_with('[') {
        match serde_json::from_str::<Vec<serde_json::Value>>(text) {
            Ok(values) => {
                for value in values {
                    read.accept(path, 1, serde_json::from_value(value).map_err(|e| e.to_string()));
                }
            }
            Err(error) => read.accept(path, error.line(), Err(error.to_string())),
        }
        return;
    }
    for (line, number) in text.lines().zip(1..) {
        if !line.trim().is_empty() {
            read.accept(path, number, serde_json::from_str(line).map_err(|e| e.to_string()));
        }
    }
}

fn csv(path: &Path, text: &str, read: &mut Read) -> Result<()> {
    let wrong = |source| Error::Csv { path: path.to_owned(), source };
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
    let headers = reader.headers().map_err(wrong)?.clone();
    for record in reader.records() {
        let record = record.map_err(wrong)?;
        let line = record.position().map_or(1, |p| p.line() as usize);
        let object: serde_json::Map<_, _> = headers
            .iter()
            .zip(&record)
            .map(|(name, value)| (name.to_owned(), serde_json::Value::from(value)))
            .collect();
        read.accept(path, line, serde_json::from_value(object.into()).map_err(|e| e.to_string()));
    }
    Ok(())
}

fn stem(path: &Path) -> String {
    path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default()
}

fn docx(path: &Path, bytes: &[u8]) -> Result<Article, String> {
    let text = super::docx::read(bytes)?;
    let title = text.title.unwrap_or_else(|| stem(path));
    Ok(Article { id: stem(path), title, body: text.body, ..Article::default() })
}

fn plain(path: &Path, text: &str) -> Article {
    Article {
        id: stem(path),
        title: stem(path),
        body: text.trim().to_owned(),
        ..Article::default()
    }
}

/// `key: value` lines between two `---` at the top; else the first heading is the title.
fn markdown(path: &Path, text: &str) -> Result<Article, String> {
    let mut article = Article { id: stem(path), ..Article::default() };
    let mut body = text;
    if let Some(rest) = text.strip_prefix("---\n").or_else(|| text.strip_prefix("---\r\n"))
        && let Some(end) = rest.find("\n---")
    {
        for line in rest[..end].lines() {
            if let Some((key, value)) = line.split_once(':') {
                front_matter(&mut article, key.trim(), value.trim().trim_matches(['"', '\'']))?;
            }
        }
        body = rest[end + 1..].split_once('\n').map_or("", |(_, after)| after);
    }
    let mut lines = Vec::new();
    for line in body.lines() {
        let heading = line.trim_start_matches('#');
        if article.title.is_empty() && heading.len() < line.len() {
            article.title = heading.trim().to_owned();
        } else {
            lines.push(without_markup(heading));
        }
    }
    article.body = lines.join("\n").trim().to_owned();
    if article.title.is_empty() {
        article.title = stem(path);
    }
    Ok(article)
}

fn front_matter(article: &mut Article, key: &str, value: &str) -> Result<(), String> {
    if value.is_empty() {
        return Ok(());
    }
    let text = value.to_owned();
    match key {
        "id" => article.id = text,
        "title" => article.title = text,
        "category" => article.category = Some(text),
        "department" => article.department = Some(text),
        "source" => article.source = Some(text),
        "valid_from" => article.valid_from = Some(parse_day(value)?),
        "valid_to" => article.valid_to = Some(parse_day(value)?),
        _ => {}
    }
    Ok(())
}

/// A line of Markdown as people read it: links by their text, no emphasis marks, no quote marks.
fn without_markup(line: &str) -> String {
    let line = line.trim_start_matches(['>', ' ']).trim_end();
    let line = line.strip_prefix("- ").or_else(|| line.strip_prefix("* ")).unwrap_or(line);
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    // Where no link is closed any more there is none, however many brackets are open.
    while let Some(open) = rest.find('[')
        && let (before, link) = (&rest[..open], &rest[open + 1..])
        && let Some((label, target)) = link.split_once("](")
        && let Some((_, tail)) = target.split_once(')')
    {
        out.push_str(before.strip_suffix('!').unwrap_or(before));
        out.push_str(label);
        rest = tail;
    }
    out.push_str(rest);
    out.replace("**", "").replace("__", "").replace('`', "")
}

/// The text of a page. Its title is `<title>` or the first `<h1>`.
fn html(path: &Path, text: &str) -> Article {
    let mut title = String::new();
    let mut body = String::new();
    let mut in_title = false;
    let mut rest = text;
    while let Some(open) = rest.find('<') {
        let (before, tag) = rest.split_at(open);
        push_text(if in_title { &mut title } else { &mut body }, before);
        if let Some(comment) = tag.strip_prefix("<!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        let Some((inside, after)) = tag[1..].split_once('>') else {
            rest = "";
            break;
        };
        rest = after;
        let name = inside
            .trim_start_matches('/')
            .split(|c: char| !c.is_ascii_alphanumeric())
            .next()
            .unwrap_or_default();
        let name = name.to_ascii_lowercase();
        let closing = inside.starts_with('/');
        match name.as_str() {
            "script" | "style" | "noscript" if !closing => rest = skip_element(rest, &name),
            "title" | "h1" if closing => in_title = false,
            "title" | "h1" => in_title = title.trim().is_empty(),
            "p" | "div" | "br" | "li" | "tr" | "h2" | "h3" | "h4" | "h5" | "h6" | "section" | "article" | "table"
            | "ul" | "ol"
                if !body.ends_with('\n') && !body.is_empty() =>
            {
                body.push('\n');
            }
            "td" | "th" => body.push(' '),
            _ => {}
        }
    }
    push_text(if in_title { &mut title } else { &mut body }, rest);
    let title = title.trim().to_owned();
    let body = body.lines().map(str::trim).filter(|l| !l.is_empty()).collect::<Vec<_>>().join("\n");
    Article {
        id: stem(path),
        title: if title.is_empty() { stem(path) } else { title },
        body,
        ..Article::default()
    }
}

/// What follows the end tag of an element whose content is not text.
fn skip_element<'a>(rest: &'a str, name: &str) -> &'a str {
    let end = format!("</{name}");
    let at = rest.char_indices().map(|(i, _)| i).find(|&i| {
        rest.as_bytes()
            .get(i..i + end.len())
            .is_some_and(|bytes| bytes.eq_ignore_ascii_case(end.as_bytes()))
    });
    at.and_then(|at| rest[at..].split_once('>')).map_or("", |(_, after)| after)
}

/// Bytes of the name of an entity.
const LONGEST_ENTITY: usize = 8;

/// Adds text with its entities resolved and its white space collapsed.
fn push_text(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        push_collapsed(out, &rest[..at]);
        let entity = &rest[at + 1..];
        let end = entity.bytes().take(LONGEST_ENTITY + 1).position(|byte| byte == b';');
        let named = end.map(|end| (&entity[..end], &entity[end + 1..]));
        let known = named.and_then(|(name, after)| {
            let c = match name {
                "amp" => '&',
                "lt" => '<',
                "gt" => '>',
                "quot" => '"',
                "apos" => '\'',
                "nbsp" | "ensp" | "emsp" => ' ',
                "ldquo" => '“',
                "rdquo" => '”',
                "mdash" => '—',
                "middot" => '·',
                _ => {
                    let number = name.strip_prefix('#')?;
                    let code = match number.strip_prefix(['x', 'X']) {
                        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                        None => number.parse().ok()?,
                    };
                    char::from_u32(code)?
                }
            };
            Some((c, after))
        });
        match known {
            Some((c, after)) => {
                out.push(c);
                rest = after;
            }
            None => {
                out.push('&');
                rest = entity;
            }
        }
    }
    push_collapsed(out, rest);
}

fn push_collapsed(out: &mut String, text: &str) {
    for c in text.chars() {
        if !c.is_whitespace() {
            out.push(c);
        } else if !out.ends_with(|last: char| last.is_whitespace()) && !out.is_empty() {
            out.push(' ');
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(name: &str, bytes: &[u8]) -> Read {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        file(&path).unwrap()
    }

    /// For every bracket and every ampersand what follows was searched to its end.
    #[test]
    fn brackets_and_ampersands_without_end_took_the_square_of_their_number() {
        let many = 300_000;
        let brackets = read("x.md", "[".repeat(many).as_bytes()).articles.remove(0);
        assert_eq!(brackets.body.len(), many);
        let ampersands = read("x.html", "&".repeat(many).as_bytes()).articles.remove(0);
        assert_eq!(ampersands.body.len(), many);
        let links = read("x.md", "一[甲](u) ![乙](v)[丙] [丁".as_bytes()).articles.remove(0);
        assert_eq!(links.body, "一甲 乙[丙] [丁");
    }

    #[test]
    fn bad_lines_are_refused_and_the_rest_goes_on() {
        let text = "{\"id\":1,\"title\":\"一\",\"body\":\"甲\"}\n{\"id\":2\n\n{\"id\":\"\",\"body\":\"x\"}\n{\"id\":3,\"body\":\"乙\"}\n";
        let read = read("a.jsonl", text.as_bytes());
        assert_eq!(read.articles.iter().map(|a| a.id.as_str()).collect::<Vec<_>>(), ["1", "3"]);
        assert_eq!(read.refused.iter().map(|r| r.line).collect::<Vec<_>>(), [2, 4]);
    }

    #[test]
    fn csv_in_gb18030_with_chinese_headers() {
        let (bytes, ..) =
            encoding_rs::GB18030.encode("编号,标题,内容,失效日期\n9,水费,\"每月,十日\",2026-01-31\n10,空,,\n");
        let read = read("a.csv", &bytes);
        assert_eq!(read.articles[0].body, "每月,十日");
        assert_eq!(read.articles[0].valid_to, chrono::NaiveDate::from_ymd_opt(2026, 1, 31));
        assert_eq!(read.articles.len(), 2);
    }

    #[test]
    fn markdown_with_front_matter_or_heading() {
        let article = &read("k1.md", "---\nid: kb-1\ncategory: 社保\nvalid_to: 2026-12-31\n---\n# 社保卡补办\n\n带**身份证**到[网点](http://x.cn)办理。\n".as_bytes())
            .articles[0];
        assert_eq!((article.id.as_str(), article.title.as_str()), ("kb-1", "社保卡补办"));
        assert_eq!(article.body, "带身份证到网点办理。");
        assert_eq!(article.category.as_deref(), Some("社保"));
        let article = &read("k2.md", "只有正文".as_bytes()).articles[0];
        assert_eq!((article.id.as_str(), article.title.as_str(), article.body.as_str()), ("k2", "k2", "只有正文"));
    }

    #[test]
    fn html_gives_its_text() {
        let page = "<html><head><title>公积金 提取</title><style>p{}</style></head><body><!-- x --><h2>条件</h2>\
                    <p>租房&nbsp;可以提取&#12290;</p><script>var a = '<p>';</script><p>每年&lt;一次&gt;</p></body>";
        let article = &read("p.html", page.as_bytes()).articles[0];
        assert_eq!(article.title, "公积金 提取");
        assert_eq!(article.body, "条件\n租房 可以提取。\n每年<一次>");
    }

    #[test]
    fn a_damaged_word_document_is_refused_with_its_name() {
        let read = read("居住证.docx", b"PK\x03\x04 and nothing more");
        assert!(read.articles.is_empty());
        let refused = &read.refused[0];
        assert!(refused.file.ends_with("居住证.docx") && refused.reason.contains("Word document"), "{refused:?}");
    }

    #[test]
    fn unknown_files_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.xlsx");
        std::fs::write(&path, b"x").unwrap();
        assert!(file(&path).unwrap_err().to_string().contains("unknown kind of file"));
    }

    proptest! {
        #[test]
        fn markup_never_panics(text in "[<>/a-c&;#\\-!\\[\\]()标题 \n]{0,60}") {
            let path = Path::new("x");
            let _ = html(path, &text);
            let _ = markdown(path, &text);
            let _ = markdown(path, &format!("---\n{text}\n---\n{text}"));
        }
    }
}
