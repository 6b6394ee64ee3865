//! Tables for people, one JSON object for programs. Data goes to stdout, everything else to stderr.

use crate::CliError;
use comfy_table::{Cell, CellAlignment, Table, presets};
use serde_json::{Value, json};
use std::io::Write;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
pub enum Format {
    #[default]
    Table,
    Json,
}

/// What a command has to say at its end.
#[derive(Clone, PartialEq, Debug)]
pub struct Report {
    pub data: Value,
    pub text: String,
    /// The work is done, and not all of it came out well.
    pub failure: Option<CliError>,
}

impl Report {
    pub fn new(data: Value, text: impl Into<String>) -> Report {
        Report { data, text: text.into(), failure: None }
    }

    /// Nothing was changed: what would have been done.
    pub fn dry_run(mut data: Value, text: impl std::fmt::Display) -> Report {
        data["dry_run"] = json!(true);
        Report::new(data, format!("{text}\nDry run: nothing was sent."))
    }
}

/// Prints the end of a command; gives its exit code.
pub fn print(format: Format, outcome: &Result<Report, CliError>) -> u8 {
    match format {
        Format::Json => print_line(&to_json(outcome).to_string()),
        Format::Table => {
            if let Ok(report) = outcome
                && !report.text.is_empty()
            {
                print_line(&report.text);
            }
        }
    }
    let failure = match outcome {
        Ok(report) => report.failure.as_ref(),
        Err(error) => Some(error),
    };
    let Some(error) = failure else { return crate::Exit::Ok as u8 };
    if format == Format::Table {
        anstream::eprintln!("\x1b[1;31merror\x1b[0m[{}]: {}\n  next: {}", error.code, error.cause, error.next);
    }
    error.exit as u8
}

/// A line of data. A reader that has gone away is no error of ours.
pub fn print_line(line: &str) {
    let mut stdout = anstream::stdout().lock();
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}

pub fn to_json(outcome: &Result<Report, CliError>) -> Value {
    match outcome {
        Ok(Report { data, failure: None, .. }) => json!({"ok": true, "data": data}),
        Ok(Report { data, failure: Some(error), .. }) => json!({"ok": false, "data": data, "error": error}),
        Err(error) => json!({"ok": false, "error": error}),
    }
}

/// Columns without rules around them; those named in `right` hold numbers.
pub fn table(header: &[&str], right: &[usize], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(header.iter().map(|title| Cell::new(title.to_uppercase())));
    for row in rows {
        table.add_row(row.into_iter().map(plain));
    }
    for index in right {
        if let Some(column) = table.column_mut(*index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    trim_lines(&table.to_string())
}

/// Names to the left, values to the right.
pub fn fields<N: Into<String>>(rows: impl IntoIterator<Item = (N, String)>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    for (name, value) in rows {
        table.add_row([plain(name.into()), plain(value)]);
    }
    trim_lines(&table.to_string())
}

/// Others' texts do not move the cursor, hide or turn round what stands beside them.
fn plain(text: String) -> String {
    if concordat_types::genesis::is_plain(&text) {
        return text;
    }
    text.lines()
        .map(|line| line.chars().filter(|c| concordat_types::genesis::is_plain(&c.to_string())).collect::<String>())
        .collect::<Vec<_>>()
        .join("\n")
}

fn trim_lines(text: &str) -> String {
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// RFC 3339 in UTC, of Unix milliseconds.
pub fn format_time(time_ms: u64) -> String {
    let (days, ms) = (time_ms / 86_400_000, time_ms % 86_400_000);
    // Howard Hinnant, civil_from_days: years begin in March, so that the leap day is the last.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", ms % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use concordat_types::ResultCode;

    #[test]
    fn json_is_ok_and_data_or_error() {
        let done = Ok(Report::new(json!({"height": 7}), ""));
        assert_eq!(to_json(&done).to_string(), r#"{"data":{"height":7},"ok":true}"#);
        let refused = to_json(&Err(CliError::refused(ResultCode::AccountExists)));
        assert_eq!(refused["ok"], false);
        assert_eq!(refused["error"]["code"], "E_REFUSED");
        assert_eq!(refused["error"]["result"], 50);
        assert!(refused.get("data").is_none());
        let error = to_json(&Err(CliError::usage("cause", "next")));
        let text = r#"{"error":{"cause":"cause","code":"E_USAGE","next":"next","result":null},"ok":false}"#;
        assert_eq!(error.to_string(), text);
    }

    #[test]
    fn times_are_utc() {
        for (time_ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_709_251_199_999, "2024-02-29T23:59:59.999Z"),
            (1_735_689_600_001, "2025-01-01T00:00:00.001Z"),
            (4_102_444_800_000, "2100-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(format_time(time_ms), text);
        }
    }
}
