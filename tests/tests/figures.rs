//! The figures in the documents are those of one run of the bench, of all of its rows.

use wasmpool_tests::figures::documents;

#[test]
fn documents_show_what_the_bench_has_measured() -> anyhow::Result<()> {
    documents::check()
}
