//! MD5 digests, written as `md5sum` writes them. It hashes bytes and knows nothing of files.

use std::fmt::Write;

use rustcrypto_md5::{Digest, Md5};

/// The MD5 digest of `data` in lower-case hexadecimal digits.
#[wasmpool_guest::task]
pub fn md5(data: Vec<u8>) -> String {
    let mut text = String::with_capacity(32);
    for byte in Md5::digest(data) {
        write!(text, "{byte:02x}").expect("a String takes everything");
    }
    text
}

/// The path that it is given, with the digest of what is in that file.
#[wasmpool_guest::task]
pub fn path_and_digest(path: String, data: Vec<u8>) -> (String, String) {
    (path, md5(data))
}

#[cfg(test)]
mod tests {
    use super::{md5, path_and_digest};

    /// The test suite of RFC 1321, appendix A.5.
    #[test]
    fn agrees_with_the_rfc() {
        for (text, digest) in [
            ("", "d41d8cd98f00b204e9800998ecf8427e"),
            ("a", "0cc175b9c0f1b6a831c399e269772661"),
            ("abc", "900150983cd24fb0d6963f7d28e17f72"),
            ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
            (
                "abcdefghijklmnopqrstuvwxyz",
                "c3fcd3d76192e4007dfb496cca67e13b",
            ),
        ] {
            assert_eq!(md5(text.into()), digest, "{text:?}");
        }
    }

    #[test]
    fn a_path_comes_back_with_the_digest() {
        assert_eq!(
            path_and_digest("a/b".into(), b"abc".into()),
            ("a/b".into(), "900150983cd24fb0d6963f7d28e17f72".into())
        );
    }
}
