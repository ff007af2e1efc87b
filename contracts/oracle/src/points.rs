//! Which meters stream and what their connections carry, as the meter contract knows it. Only its pages are read,
//! whose layout is public and versioned; nothing of its code is linked in.

use soroban_sdk::{contractclient, panic_with_error, Bytes, Env, Error as HostError, Map};

use crate::errors::Error;
use crate::storage;

const LAYOUT_VERSION: u8 = 1;
const HEADER_LEN: usize = 8;
const RECORD_LEN: usize = 48;
const PAGE_MAX_LEN: usize = HEADER_LEN + 64 * RECORD_LEN;
/// Within a record: the most that the connection can carry, in 10 W (u16), and the flags.
const MAX_POWER_AT: usize = 34;
const FLAGS_AT: usize = 37;
const REGISTERED: u8 = 1;
const MODE_MASK: u8 = 0b11 << 3;
const STREAMING: u8 = 1 << 3;
/// What the meter contract answers when a site has no such page.
const UNKNOWN_PAGE: HostError = HostError::from_contract_error(6);

/// The part of the meter contract that is called here.
#[contractclient(name = "MeterClient")]
pub trait MeterPages {
    /// A page of 48-byte records behind a header of 8.
    fn get_page(env: Env, site: u32, page: u32) -> Bytes;
}

/// A site's pages, each asked for once per call.
pub struct Points<'a> {
    e: &'a Env,
    site: u32,
    pages: Map<u32, Bytes>,
}

impl<'a> Points<'a> {
    pub fn of(e: &'a Env, site: u32) -> Self {
        let pages = Map::new(e);
        Self { e, site, pages }
    }

    /// The page's points.
    pub fn page(&mut self, page: u32) -> Page {
        let bytes = self.pages.get(page).unwrap_or_else(|| {
            let bytes = self.ask(page);
            self.pages.set(page, bytes.clone());
            bytes
        });
        Page::decode(&bytes).unwrap_or_else(|| panic_with_error!(self.e, Error::UnknownLayout))
    }

    /// A page that the site doesn't have is empty; any other fault refuses the call, which may be repeated.
    fn ask(&self, page: u32) -> Bytes {
        let client = MeterClient::new(self.e, &storage::meter(self.e));
        match client.try_get_page(&self.site, &page) {
            Ok(Ok(bytes)) => bytes,
            Err(Ok(error)) if error == UNKNOWN_PAGE => Bytes::new(self.e),
            _ => panic_with_error!(self.e, Error::UnknownLayout),
        }
    }
}

/// One page of the meter contract.
pub struct Page {
    buffer: [u8; PAGE_MAX_LEN],
    records: usize,
}

impl Page {
    /// Reads a page; no bytes are a page without records, another layout is `None`.
    fn decode(bytes: &Bytes) -> Option<Self> {
        let len = bytes.len() as usize;
        let mut buffer = [0; PAGE_MAX_LEN];
        bytes.copy_into_slice(buffer.get_mut(..len)?);
        let records = usize::from(buffer[2]);
        let known = buffer[0] == LAYOUT_VERSION && usize::from(buffer[1]) == RECORD_LEN;
        let whole = known && len == HEADER_LEN + records * RECORD_LEN;
        (len == 0 || whole).then_some(Self { buffer, records })
    }

    /// The most that a streaming meter's connection can carry in an hour, in Wh; `None` for any other meter.
    pub fn hourly_limit_wh(&self, index: usize) -> Option<u32> {
        if index >= self.records {
            return None;
        }
        let record = &self.buffer[HEADER_LEN + index * RECORD_LEN..];
        let streaming = record[FLAGS_AT] & (REGISTERED | MODE_MASK) == REGISTERED | STREAMING;
        let max_power_10w = u16::from_be_bytes([record[MAX_POWER_AT], record[MAX_POWER_AT + 1]]);
        // A meter counts in whole Wh, so an hour at full power may show one more.
        streaming.then(|| u32::from(max_power_10w) * 10 + 1)
    }
}
