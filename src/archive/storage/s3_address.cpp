// See s3_address.hpp.
#include "archive/storage/s3_address.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "archive/storage/store.hpp"

namespace pgkeel::archive {
namespace {

constexpr std::string_view kScheme = "s3://";
constexpr std::size_t kBucketBytesMax = 63;
constexpr std::size_t kBucketBytesMin = 3;

std::unexpected<Error> bad(std::string detail, std::string_view hint) {
  return fail(Error(ErrorCode::ConfigBadValue, std::move(detail)).with_hint(hint));
}

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html; capitals and
// underscores as older buckets and other makers have them.
bool is_bucket(std::string_view name) {
  return name.size() >= kBucketBytesMin && name.size() <= kBucketBytesMax &&
         !name.starts_with('.') && !name.starts_with('-') && std::ranges::all_of(name, [](char c) {
           return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' ||
                  c == '_';
         });
}

bool is_host(std::string_view host) {
  return !host.empty() && std::ranges::all_of(host, [](char c) {
    return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == ':' ||
           c == '[' || c == ']' || c == '_';
  });
}

Result<void> take_endpoint(std::string_view endpoint, S3Address& s3) {
  constexpr std::string_view kHint = "An endpoint looks like https://s3.example.org.";
  const auto mark = endpoint.find("://");
  s3.scheme = std::string(endpoint.substr(0, mark));
  if (mark == std::string_view::npos || (s3.scheme != "https" && s3.scheme != "http"))
    return bad(fmt::format("\"{}\" is no endpoint", endpoint), kHint);
  auto host = endpoint.substr(mark + 3);
  while (host.ends_with('/')) host.remove_suffix(1);
  // libcurl leaves the scheme's own port out of Host, so it must not be signed.
  const std::string_view own_port = s3.scheme == "https" ? ":443" : ":80";
  if (host.ends_with(own_port)) host.remove_suffix(own_port.size());
  if (!is_host(host)) return bad(fmt::format("\"{}\" is no endpoint", endpoint), kHint);
  s3.host = std::string(host);
  return {};
}

Result<void> take_place(std::string_view where, S3Address& s3) {
  constexpr std::string_view kHint = "Write s3://bucket or s3://bucket/prefix.";
  const auto place = where.substr(std::min(where.size(), kScheme.size()));
  const auto slash = place.find('/');
  s3.bucket = std::string(place.substr(0, slash));
  if (!where.starts_with(kScheme) || !is_bucket(s3.bucket))
    return bad(fmt::format("\"{}\" names no bucket", where), kHint);
  auto prefix = slash == std::string_view::npos ? std::string_view() : place.substr(slash + 1);
  if (prefix.ends_with('/')) prefix.remove_suffix(1);
  if (prefix.empty()) return {};
  if (!check_key(prefix)) return bad(fmt::format("\"{}\" is no prefix of keys", prefix), kHint);
  s3.prefix = fmt::format("{}/", prefix);
  return {};
}

// A bucket with a dot in its name has no certificate of its own under a wildcard.
void choose_style(const StoreAddress& address, S3Address& s3) {
  using Style = StoreAddress::Style;
  const auto own_host = s3.bucket + ".";
  if (address.style == Style::Auto && s3.host.starts_with(own_host)) {
    s3.host.erase(0, own_host.size());
    s3.style = Style::VirtualHost;
  } else if (address.style == Style::Auto) {
    const bool amazon = address.endpoint.empty() && !s3.bucket.contains('.');
    s3.style = amazon ? Style::VirtualHost : Style::Path;
  } else {
    s3.style = address.style;
  }
}

}  // namespace

std::string S3Address::host_header() const {
  return style == StoreAddress::Style::Path ? host : fmt::format("{}.{}", bucket, host);
}

std::string S3Address::path(std::string_view object_key) const {
  if (style == StoreAddress::Style::VirtualHost) return "/" + percent_encoded_path(object_key);
  if (object_key.empty()) return "/" + bucket;
  return fmt::format("/{}/{}", bucket, percent_encoded_path(object_key));
}

std::string S3Address::url(std::string_view path, std::string_view query) const {
  return fmt::format("{}://{}{}{}{}", scheme, host_header(), path, query.empty() ? "" : "?", query);
}

std::string S3Address::describe() const {
  std::string_view shown = prefix;
  if (shown.ends_with('/')) shown.remove_suffix(1);
  return fmt::format("s3://{}{}{} at {}://{}", bucket, shown.empty() ? "" : "/", shown, scheme,
                     host);
}

Result<S3Address> parse_s3_address(const StoreAddress& address) {
  S3Address s3;
  TRY_VOID(take_place(address.where, s3));
  if (address.region.empty() || address.region.contains('/'))
    return bad("the store's region is empty", "Set the region, \"us-east-1\" where there is none.");
  TRY_VOID(take_endpoint(address.endpoint.empty()
                             ? fmt::format("https://s3.{}.amazonaws.com", address.region)
                             : address.endpoint,
                         s3));
  if (address.access_key.empty() || address.secret_key.empty()) {
    return bad(fmt::format("there is no key for {}", s3.describe()),
               "Give the access key and the secret key, from a file or the environment.");
  }
  choose_style(address, s3);
  s3.key = {.access_key = address.access_key,
            .secret_key = address.secret_key,
            .region = address.region,
            .service = "s3"};
  return s3;
}

}  // namespace pgkeel::archive
