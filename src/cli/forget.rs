//! `qingting forget` and `qingting prune`: calls erased for good, those of a caller or the old ones.

use chrono::{Days, NaiveDate, Utc};
use clap::Args;
use miette::miette;
use qingting_index::{Erase, Erased};

use super::GOOD;
use super::data::{DataArgs, Opened, index};
use crate::config::Settings;
use crate::experience;

#[derive(Debug, Args)]
#[group(id = "whom", required = true, multiple = false, args = ["caller", "call", "officer"])]
pub(super) struct ForgetArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The caller: id, telephone number, or the pseudonym that is shown for it
    #[arg(long, value_name = "ID")]
    caller: Option<String>,
    /// A single call
    #[arg(long, value_name = "ID")]
    call: Option<String>,
    /// Who an experience officer was, by the id in the programme; what they reported stays, under a pseudonym
    #[arg(long, value_name = "ID")]
    officer: Option<String>,
    /// Say how many calls there are and erase nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    who: WhoArgs,
}

#[derive(Debug, Args)]
pub(super) struct PruneArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Days that are kept, such as 400d, counted back from today [default: keep_days of [retention]]
    #[arg(long, value_name = "DAYS", value_parser = days)]
    keep: Option<u32>,
    /// Say how many calls there are and erase nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    who: WhoArgs,
}

/// Who the audit trail names.
#[derive(Debug, Args)]
struct WhoArgs {
    /// Who answers for it in the audit trail [default: the user of the system]
    #[arg(long, value_name = "NAME")]
    who: Option<String>,
}

impl WhoArgs {
    fn name(&self) -> String {
        self.who.clone().or_else(user).unwrap_or_else(|| "command line".to_owned())
    }
}

/// Who the audit trail names: the user of this machine, if it has one, and the command.
pub(super) fn actor(command: &str) -> String {
    user().map_or_else(|| command.to_owned(), |user| format!("{user} ({command})"))
}

/// The user of the system.
pub(super) fn user() -> Option<String> {
    ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok())
}

/// A number of days such as 400d.
pub(super) fn days(text: &str) -> Result<u32, String> {
    match text.strip_suffix('d').unwrap_or(text).parse() {
        Ok(0) | Err(_) => Err(format!("{text:?} is not a number of days such as 400d")),
        Ok(days) => Ok(days),
    }
}

/// # Errors
/// When another process writes the data folder, or it cannot be written.
pub(super) fn forget(args: &ForgetArgs) -> miette::Result<u8> {
    if let Some(officer) = &args.officer {
        return forget_officer(args, officer);
    }
    let erase = match (&args.caller, &args.call) {
        (Some(caller), _) => Erase::Caller(caller),
        (None, Some(call)) => Erase::Call(call),
        (None, None) => return Err(miette!("name a --caller, a --call or an --officer")),
    };
    if args.dry_run {
        return would(&args.data.reader()?, erase);
    }
    let opened = writer(&args.data, "qingting forget")?;
    done(opened, erase, &args.who.name())
}

fn forget_officer(args: &ForgetArgs, officer: &str) -> miette::Result<u8> {
    let opened = if args.dry_run {
        args.data.reader()?
    } else {
        writer(&args.data, "qingting forget")?
    };
    let is_there = match args.dry_run {
        true => experience::load(&opened.data).map_err(index)?.officers.contains_key(officer),
        false => {
            let was_there = opened.data.forget_officer(officer, &args.who.name()).map_err(index)?;
            opened.data.close().map_err(index)?;
            was_there
        }
    };
    if !is_there {
        return Err(miette!(
            help = "qingting experience officers --data DIR lists them",
            "there is no officer {officer}"
        ));
    }
    match args.dry_run {
        true => println!("officer {officer} would be forgotten"),
        false => println!("officer {officer} forgotten; what they reported, said and voted stays, under a pseudonym"),
    }
    Ok(GOOD)
}

/// # Errors
/// When neither `--keep` nor `[retention]` says how long calls are kept, another process writes the data folder, or it
/// cannot be written.
pub(super) fn prune(args: &PruneArgs) -> miette::Result<u8> {
    let opened = if args.dry_run {
        args.data.reader()?
    } else {
        writer(&args.data, "qingting prune")?
    };
    let keep = args.keep.unwrap_or(opened.settings.retention.keep_days);
    if keep == 0 {
        return Err(miette!(
            help = "give --keep 400d, or set keep_days in [retention]",
            "nothing says how many days of calls are kept"
        ));
    }
    let first = first_kept(&opened.settings, keep)?;
    if args.dry_run {
        return would(&opened, Erase::Before(first));
    }
    done(opened, Erase::Before(first), &args.who.name())
}

/// The first of so many days that end today, where the calls are taken.
fn first_kept(settings: &Settings, keep: u32) -> miette::Result<NaiveDate> {
    let today = Utc::now().with_timezone(&settings.import_options().timezone).date_naive();
    today
        .checked_sub_days(Days::new(u64::from(keep) - 1))
        .ok_or_else(|| miette!("--keep {keep}d: before the beginning of the calendar"))
}

fn writer(args: &DataArgs, who: &str) -> miette::Result<Opened> {
    args.writer_or_holder(who)?.map_err(|holder| {
        miette!(
            help = "stop it, run this again, then start it again",
            "{} is being written by {holder}; nothing was erased",
            args.data.display()
        )
    })
}

fn would(opened: &Opened, erase: Erase<'_>) -> miette::Result<u8> {
    let erased = opened.data.erasable(erase).map_err(index)?;
    println!("{} would be erased", shown(&erased));
    Ok(GOOD)
}

fn done(opened: Opened, erase: Erase<'_>, who: &str) -> miette::Result<u8> {
    let erased = opened.data.erase(erase, who).map_err(index)?;
    opened.data.close().map_err(index)?;
    println!("{} erased", shown(&erased));
    if erased.calls > 0 {
        eprintln!(
            "the files that they were ingested from, reports and backups are not in the data folder: see to these too"
        );
    }
    Ok(GOOD)
}

fn shown(erased: &Erased) -> String {
    match (erased.first_date, erased.last_date) {
        (Some(first), Some(last)) => format!("{} calls ({first} to {last})", erased.calls),
        _ => "0 calls".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_days_is_read_with_its_unit_or_without() {
        assert_eq!((days("400d"), days("7")), (Ok(400), Ok(7)));
        for wrong in ["0d", "", "d", "-1d", "1w"] {
            assert!(days(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn one_day_is_today() {
        let zone = chrono_tz::Asia::Shanghai;
        let before = Utc::now().with_timezone(&zone).date_naive();
        let first = first_kept(&Settings::default(), 1).unwrap();
        assert!(first == before || first == before.succ_opt().unwrap());
        assert_eq!(first_kept(&Settings::default(), 8).unwrap(), first - Days::new(7));
    }
}
