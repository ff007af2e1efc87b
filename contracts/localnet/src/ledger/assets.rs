//! Issued assets: when a code is well-formed, who issues it, and who holds a line of trust to it.
//!
//! Pure: no balance changes here. The rules are stellar-core's `isAssetValid`,
//! `getIssuer` and `trustlineKey`.

use soroban_env_host::xdr::{
    AccountId, Asset, ChangeTrustAsset, LedgerKey, LedgerKeyTrustLine, TrustLineAsset,
};

/// Tells whether the code of an asset is letters and digits, padded with zeros, of the right length.
pub fn is_valid(asset: &Asset) -> bool {
    match asset {
        Asset::Native => true,
        Asset::CreditAlphanum4(credit) => is_code(&credit.asset_code.0, 1),
        Asset::CreditAlphanum12(credit) => is_code(&credit.asset_code.0, 5),
    }
}

fn is_code(padded: &[u8], shortest: usize) -> bool {
    let length = padded.iter().take_while(|byte| **byte != 0).count();
    let (code, padding) = padded.split_at(length);
    length >= shortest
        && code.iter().all(u8::is_ascii_alphanumeric)
        && padding.iter().all(|byte| *byte == 0)
}

/// Returns who issues an asset; nobody issues lumens.
pub fn issuer(asset: &Asset) -> Option<&AccountId> {
    match asset {
        Asset::Native => None,
        Asset::CreditAlphanum4(credit) => Some(&credit.issuer),
        Asset::CreditAlphanum12(credit) => Some(&credit.issuer),
    }
}

/// Returns the asset that is to be trusted; `None` for a share of a liquidity pool.
pub fn of_trust(line: &ChangeTrustAsset) -> Option<Asset> {
    match line {
        ChangeTrustAsset::Native => Some(Asset::Native),
        ChangeTrustAsset::CreditAlphanum4(credit) => Some(Asset::CreditAlphanum4(credit.clone())),
        ChangeTrustAsset::CreditAlphanum12(credit) => Some(Asset::CreditAlphanum12(credit.clone())),
        ChangeTrustAsset::PoolShare(_) => None,
    }
}

/// Returns the asset of a line of trust; `None` for a share of a liquidity pool.
pub fn of_line(line: &TrustLineAsset) -> Option<Asset> {
    match line {
        TrustLineAsset::Native => Some(Asset::Native),
        TrustLineAsset::CreditAlphanum4(credit) => Some(Asset::CreditAlphanum4(credit.clone())),
        TrustLineAsset::CreditAlphanum12(credit) => Some(Asset::CreditAlphanum12(credit.clone())),
        TrustLineAsset::PoolShare(_) => None,
    }
}

/// Returns an asset as lines of trust name it.
pub fn to_line(asset: &Asset) -> TrustLineAsset {
    match asset {
        Asset::Native => TrustLineAsset::Native,
        Asset::CreditAlphanum4(credit) => TrustLineAsset::CreditAlphanum4(credit.clone()),
        Asset::CreditAlphanum12(credit) => TrustLineAsset::CreditAlphanum12(credit.clone()),
    }
}

/// Returns the key of the line by which `holder` trusts `asset`.
pub fn line_key(holder: &AccountId, asset: &Asset) -> LedgerKey {
    LedgerKey::Trustline(LedgerKeyTrustLine {
        account_id: holder.clone(),
        asset: to_line(asset),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use soroban_env_host::xdr::{AlphaNum4, AssetCode4, PublicKey, Uint256};

    fn asset(code: &[u8; 4]) -> Asset {
        Asset::CreditAlphanum4(AlphaNum4 {
            asset_code: AssetCode4(*code),
            issuer: AccountId(PublicKey::PublicKeyTypeEd25519(Uint256([1; 32]))),
        })
    }

    #[test]
    fn a_code_is_letters_and_digits_followed_by_zeros_only() {
        for (code, valid) in [
            (b"USDC", true),
            (b"A\0\0\0", true),
            (b"9z\0\0", true),
            (b"\0\0\0\0", false),
            (b"U\0DC", false),
            (b"US C", false),
        ] {
            assert_eq!(is_valid(&asset(code)), valid, "{code:?}");
        }
    }

    #[test]
    fn a_long_code_has_at_least_five_letters() {
        assert!(is_code(b"KWH01\0\0\0\0\0\0\0", 5));
        assert!(!is_code(b"KWH1\0\0\0\0\0\0\0\0", 5));
    }
}
