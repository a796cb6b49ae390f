// A store that is a bucket of S3 or of anything that speaks its protocol.
// It guarantees what Store does, with one limit: Replace::Never is kept even against another writer
// where the store knows conditional writes (Amazon since 2024, MinIO, R2, Ceph from 19 on);
// elsewhere it is looked for first, and of two writers in the same moment the later wins. An object
// with the very same content counts as written. Objects larger than a part are uploaded in parts;
// a writer that dies leaves an unfinished upload, which abandoned() finds. One under way looks the
// same to it: ask for those older than any upload takes.
// It refuses to make buckets and to send anything unsigned.
#pragma once

#include <memory>

#include "archive/storage/open.hpp"
#include "archive/storage/s3_client.hpp"

namespace pgkeel::archive {

/// Lists the bucket once, so that a wrong key, name, region or clock is said at the start.
/// ConfigBadValue, ConnectionFailed, AuthFailed, Permission, NotFound (the bucket).
[[nodiscard]] Result<std::unique_ptr<Store>> open_s3_store(const StoreAddress& address,
                                                           S3Options options = {});

}  // namespace pgkeel::archive
