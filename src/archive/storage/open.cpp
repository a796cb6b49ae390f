// See open.hpp.
#include "archive/storage/open.hpp"

#include <fmt/format.h>

#include "archive/storage/posix.hpp"
#include "archive/storage/s3.hpp"
#include "runtime/files.hpp"

namespace pgkeel::archive {
namespace {

constexpr std::string_view kS3Scheme = "s3://";

Result<std::unique_ptr<Store>> open_directory(const std::filesystem::path& root) {
  // One level only: a missing parent is more likely a missing mount than a wish.
  auto made = runtime::ensure_directory(root, {.mode = 0700, .owner = {}});
  if (!made && made.error().code == ErrorCode::NotFound) {
    return fail(
        std::move(made).error().with_hint("Make the directory above it, or mount what belongs "
                                          "there; pgkeel makes only the last one."));
  }
  // A store on a medium that may only be read can still be restored from.
  if (!made && !std::filesystem::is_directory(root)) return fail(std::move(made).error());
  return open_posix_store(root);
}

}  // namespace

Result<std::unique_ptr<Store>> open_store(const StoreAddress& address, std::stop_token stop) {
  if (address.is_directory()) return open_directory(address.where);
  if (address.where.starts_with(kS3Scheme))
    return open_s3_store(address, {.session = {.stop = std::move(stop)}});
  return fail(Error(ErrorCode::ConfigBadValue,
                    fmt::format("\"{}\" is no place for an archive", address.where))
                  .with_hint("Give an absolute directory, or s3://bucket/prefix."));
}

}  // namespace pgkeel::archive
