//! `concordat watch --events`

use super::Options;
use crate::{
    CliError, Client,
    client::records::RecordView,
    output::{Format, format_time, print_line},
    payments::Assets,
    records::{cursor_text, kind_name, legs_text, to_json},
};
use concordat_proto::{Code, v1};
use serde_json::json;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Prints what happens to the member, a line each, and begins again where a connection was lost.
pub async fn follow(after: Option<v1::Cursor>, count: Option<u64>, options: &Options) -> Result<(), CliError> {
    let profile = options.profile()?;
    let client = options.client(&profile).await?;
    let assets = Assets::new(&client.assets().await?);
    let mut reading = Reading { client, assets, format: options.output, after, left: count, lost_at: None };
    while reading.left != Some(0) {
        let error = match reading.read().await {
            Ok(()) => continue,
            Err(error) if !error.is_worth_repeating() => return Err(error),
            Err(error) => error,
        };
        // From the first loss on, until something comes again.
        let since = reading.lost_at.get_or_insert_with(Instant::now);
        if since.elapsed() > Duration::from_secs(options.timeout) {
            return Err(error);
        }
        sleep(RECONNECT_PAUSE).await;
    }
    Ok(())
}

struct Reading {
    client: Client,
    assets: Assets,
    format: Format,
    after: Option<v1::Cursor>,
    left: Option<u64>,
    lost_at: Option<Instant>,
}

impl Reading {
    /// Until the count is reached or the stream ends.
    async fn read(&mut self) -> Result<(), CliError> {
        let mut stream = self.client.subscribe(self.after).await?;
        while self.left != Some(0) {
            let events = stream.message().await.map_err(|status| self.client.explain(&status))?;
            let Some(v1::Events { records, cursor }) = events else {
                return Err(crate::client::unreachable("the node ended the stream".to_owned()));
            };
            self.lost_at = None;
            for record in records {
                let record = RecordView::from_wire(record)?;
                let cursor = v1::Cursor { height: record.height.0, leaf: record.leaf };
                print_line(&self.line(&record, cursor).await?);
                self.after = Some(cursor);
                self.left = self.left.map(|left| left - 1);
                if self.left == Some(0) {
                    return Ok(());
                }
            }
            if let Some(cursor) = cursor {
                self.after = Some(cursor);
                if self.format == Format::Json {
                    print_line(&json!({"ok": true, "data": {"cursor": cursor_text(cursor)}}).to_string());
                }
            }
        }
        Ok(())
    }

    async fn line(&mut self, record: &RecordView, cursor: v1::Cursor) -> Result<String, CliError> {
        match line_of(record, cursor, &self.assets, self.format) {
            // An asset that is younger than this watch.
            Err(error) if error.code == Code::Usage.name() => {
                self.assets = Assets::new(&self.client.assets().await?);
                line_of(record, cursor, &self.assets, self.format)
            }
            line => line,
        }
    }
}

fn line_of(record: &RecordView, cursor: v1::Cursor, assets: &Assets, format: Format) -> Result<String, CliError> {
    let cursor = cursor_text(cursor);
    Ok(match format {
        Format::Json => {
            let mut data = to_json(record, assets)?;
            data["cursor"] = json!(cursor);
            json!({"ok": true, "data": data}).to_string()
        }
        Format::Table => {
            let legs = legs_text(record, assets)?.replace('\n', "; ");
            let (time, kind) = (format_time(record.time_ms), kind_name(record.kind));
            format!("{cursor:>12}  {time}  {kind:<8}  {legs}  {}", record.reference).trim_end().to_owned()
        }
    })
}

const RECONNECT_PAUSE: Duration = Duration::from_millis(500);
