// See s3.hpp. Reading and writing objects are in s3_reader.cpp and s3_writer.cpp.
#include "archive/storage/s3.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "archive/storage/http_date.hpp"
#include "archive/storage/s3_reader.hpp"
#include "archive/storage/s3_writer.hpp"

namespace pgkeel::archive {
namespace {

constexpr std::size_t kListMax = 8'000'000;  // as for a directory
// 1000 keys of 1024 bytes, each with owner, class and digest.
constexpr std::size_t kPageBytesMax = 8U << 20U;
// Stands between the key and the id of an unfinished upload; no key contains it.
constexpr std::string_view kUploadMark = "?uploadId=";
// Nobody waits ten seconds to hear that an address is wrong.
constexpr int kOpenAttempts = 4;

class S3Store final : public Store {
 public:
  S3Store(S3Address address, S3Options options) : client_(std::move(address), std::move(options)) {}

  Result<std::unique_ptr<ObjectWriter>> create(const std::string& key, Replace replace) override;
  Result<std::unique_ptr<ObjectReader>> open(const std::string& key, std::uint64_t offset) override;
  Result<std::optional<ObjectInfo>> stat(const std::string& key) override;
  Result<std::vector<ObjectInfo>> list(const std::string& prefix) override;
  Result<void> remove(const std::string& key) override;
  Result<std::vector<ObjectInfo>> abandoned(Millis age) override;
  Result<void> remove_abandoned(const ObjectInfo& leftover) override;
  [[nodiscard]] std::string describe() const override { return client_.address().describe(); }

 private:
  [[nodiscard]] std::string in_bucket(std::string_view key) const {
    return client_.address().prefix + std::string(key);
  }
  /// The key in this store, empty when it is no key of ours.
  [[nodiscard]] std::string in_store(std::string_view key_in_bucket) const;
  Result<S3Listing> list_page(const std::string& prefix, const std::string& token);
  Result<S3Uploads> uploads_page(const S3Uploads& before);

  S3Client client_;
};

std::string S3Store::in_store(std::string_view key_in_bucket) const {
  const auto& prefix = client_.address().prefix;
  if (!key_in_bucket.starts_with(prefix)) return {};
  const auto key = key_in_bucket.substr(prefix.size());
  return check_key(key) ? std::string(key) : std::string();
}

Result<std::unique_ptr<ObjectWriter>> S3Store::create(const std::string& key, Replace replace) {
  TRY_VOID(check_key(key));
  if (replace == Replace::Never) {
    TRY(present, stat(key));
    if (present) {
      return fail(ErrorCode::Refused,
                  fmt::format("{} exists already in {} and is not replaced", key, describe()));
    }
  }
  return std::make_unique<S3Writer>(client_, in_bucket(key), replace);
}

Result<std::unique_ptr<ObjectReader>> S3Store::open(const std::string& key, std::uint64_t offset) {
  TRY_VOID(check_key(key));
  return S3Reader::open(client_, in_bucket(key), offset);
}

Result<std::optional<ObjectInfo>> S3Store::stat(const std::string& key) {
  TRY_VOID(check_key(key));
  TRY(reply, client_.send({.method = "HEAD", .key = in_bucket(key)}));
  if (reply.status == 404) return std::nullopt;
  const auto what = fmt::format("look for {}", key);
  if (!reply.ok()) return fail(client_.error_of(reply, what));
  const auto length = reply.header("content-length");
  const auto modified = parse_http_date(reply.header("last-modified"));
  ObjectInfo info{.key = key, .size_bytes = 0, .modified_at = modified.value_or(WallTime())};
  const auto read = std::from_chars(length.data(), length.data() + length.size(), info.size_bytes);
  if (read.ec == std::errc() && modified) return info;
  return fail(ErrorCode::Malformed,
              fmt::format("{} in {}: the answer has no length or no date", what, describe()));
}

Result<S3Listing> S3Store::list_page(const std::string& prefix, const std::string& token) {
  S3Request request{.query = {{"list-type", "2"}, {"encoding-type", "url"}}};
  if (!prefix.empty()) request.query.emplace_back("prefix", prefix);
  if (!token.empty()) request.query.emplace_back("continuation-token", token);
  request.answer_bytes_max = kPageBytesMax;
  TRY(reply, client_.send(request));
  if (!reply.ok()) return fail(client_.error_of(reply, "list objects"));
  return parse_s3_listing(reply.body);
}

Result<std::vector<ObjectInfo>> S3Store::list(const std::string& prefix) {
  std::vector<ObjectInfo> found;
  std::string token;
  do {
    TRY(page, list_page(in_bucket(prefix), token));
    for (const auto& object : page.objects) {
      auto key = in_store(object.key);
      if (key.empty()) continue;
      found.push_back({std::move(key), object.size_bytes, object.modified_at});
    }
    if (found.size() > kListMax || (!token.empty() && page.next_token == token)) {
      return fail(ErrorCode::Malformed,
                  fmt::format("the listing of {} does not come to an end", describe()));
    }
    token = std::move(page.next_token);
  } while (!token.empty());
  std::ranges::sort(found, {}, &ObjectInfo::key);
  return found;
}

Result<void> S3Store::remove(const std::string& key) {
  TRY_VOID(check_key(key));
  TRY(reply, client_.send({.method = "DELETE", .key = in_bucket(key)}));
  if (reply.ok() || reply.problem.code == "NoSuchKey") return {};
  return fail(client_.error_of(reply, fmt::format("remove {}", key)));
}

Result<S3Uploads> S3Store::uploads_page(const S3Uploads& before) {
  S3Request request{.query = {{"uploads", ""}, {"encoding-type", "url"}}};
  if (!client_.address().prefix.empty())
    request.query.emplace_back("prefix", client_.address().prefix);
  if (!before.next_key.empty()) {
    request.query.emplace_back("key-marker", before.next_key);
    request.query.emplace_back("upload-id-marker", before.next_upload_id);
  }
  request.answer_bytes_max = kPageBytesMax;
  TRY(reply, client_.send(request));
  // A store that cannot list them keeps none, or expires them by itself.
  if (reply.status == 501 || reply.status == 405) return S3Uploads{};
  if (!reply.ok()) return fail(client_.error_of(reply, "list unfinished uploads"));
  return parse_s3_uploads(reply.body);
}

Result<std::vector<ObjectInfo>> S3Store::abandoned(Millis age) {
  std::vector<ObjectInfo> found;
  const auto old = wall_now() - age;
  S3Uploads page;
  do {
    TRY(next, uploads_page(page));
    page = std::move(next);
    for (const auto& upload : page.uploads) {
      const auto key = in_store(upload.key);
      if (key.empty() || upload.initiated_at > old) continue;
      found.push_back(
          {fmt::format("{}{}{}", key, kUploadMark, upload.upload_id), 0, upload.initiated_at});
    }
  } while (!page.next_key.empty() && found.size() < kListMax);
  std::ranges::sort(found, {}, &ObjectInfo::key);
  return found;
}

Result<void> S3Store::remove_abandoned(const ObjectInfo& leftover) {
  const auto mark = leftover.key.find(kUploadMark);
  const auto key = leftover.key.substr(0, mark);
  if (mark == std::string::npos || !check_key(key)) {
    return fail(ErrorCode::Refused,
                fmt::format("{} is no unfinished upload of {}", leftover.key, describe()));
  }
  const auto id = leftover.key.substr(mark + kUploadMark.size());
  TRY(reply,
      client_.send({.method = "DELETE", .key = in_bucket(key), .query = {{"uploadId", id}}}));
  if (reply.ok() || reply.status == 404) return {};
  return fail(client_.error_of(reply, fmt::format("abort the upload of {}", key)));
}

Result<void> probe(const S3Address& address, S3Options options) {
  options.attempts = std::min(options.attempts, kOpenAttempts);
  S3Client client(address, std::move(options));
  S3Request request{.query = {{"list-type", "2"}, {"max-keys", "1"}}};
  if (!address.prefix.empty()) request.query.emplace_back("prefix", address.prefix);
  TRY(reply, client.send(request));
  if (!reply.ok()) return fail(client.error_of(reply, "list objects"));
  auto listing = parse_s3_listing(reply.body);
  if (listing) return {};
  return fail(
      Error(ErrorCode::ConfigBadValue, fmt::format("what answers for {} does not speak S3: {}",
                                                   address.describe(), listing.error().detail))
          .with_hint("Check the store's endpoint."));
}

}  // namespace

Result<std::unique_ptr<Store>> open_s3_store(const StoreAddress& address, S3Options options) {
  TRY(s3, parse_s3_address(address));
  TRY_VOID(probe(s3, options));
  return std::make_unique<S3Store>(std::move(s3), std::move(options));
}

}  // namespace pgkeel::archive
