// What S3's refusals mean and what to do about them; which troubles pass by themselves.
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "archive/storage/http_date.hpp"
#include "archive/storage/s3_client.hpp"

namespace pgkeel::archive {
namespace {

constexpr std::array kPassingStatuses{408, 429, 500, 502, 503, 504};
// 4xx of its own doing: the request was cut, garbled or met another on the way.
constexpr std::array<std::string_view, 8> kPassingCodes{
    "RequestTimeout", "BadDigest",        "XAmzContentSHA256Mismatch",
    "IncompleteBody", "OperationAborted", "ConditionalRequestConflict",
    "SlowDown",       "Throttling"};

struct Meaning {
  std::string_view s3_code;
  ErrorCode code;
  std::string_view hint;
};
constexpr std::array kMeanings{
    Meaning{"SignatureDoesNotMatch", ErrorCode::AuthFailed,
            "The secret key does not belong to this access key: check both, and the endpoint."},
    Meaning{"InvalidAccessKeyId", ErrorCode::AuthFailed,
            "The store does not know this access key: check it, and the endpoint."},
    Meaning{"ExpiredToken", ErrorCode::AuthFailed, "The key has expired; give a lasting one."},
    Meaning{"InvalidToken", ErrorCode::AuthFailed, "Give a lasting key, not a session's."},
    Meaning{"RequestTimeTooSkewed", ErrorCode::AuthFailed,
            "Set this machine's clock (timedatectl set-ntp true): S3 takes no signature that is "
            "more than 15 minutes off."},
    Meaning{"NoSuchBucket", ErrorCode::NotFound,
            "Make the bucket, or check its name and the endpoint; pgkeel makes none."},
    Meaning{"NotImplemented", ErrorCode::NotSupported, "The store does not know this request."},
    Meaning{"PreconditionFailed", ErrorCode::Refused, ""},
    Meaning{"QuotaExceeded", ErrorCode::DiskFull, ""},
    Meaning{"XMinioStorageFull", ErrorCode::DiskFull, ""},
    Meaning{"EntityTooLarge", ErrorCode::NotSupported, "The store takes no object this large."},
};

constexpr std::string_view kAllowed =
    "Allow the key s3:ListBucket and s3:ListBucketMultipartUploads on the bucket, and "
    "s3:GetObject, s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload on its objects.";

// Only the status when there is no body: HEAD, or something between us and the store.
ErrorCode code_of(int status) {
  switch (status) {
    case 401: return ErrorCode::AuthFailed;
    case 403: return ErrorCode::Permission;
    case 404: return ErrorCode::NotFound;
    case 412: return ErrorCode::Refused;
    case 501: return ErrorCode::NotSupported;
    case 507: return ErrorCode::DiskFull;
    default: return ErrorCode::Http;
  }
}

std::string said(const S3Reply& reply) {
  if (reply.problem.code.empty()) return fmt::format("HTTP {}", reply.status);
  constexpr std::size_t kMessageMax = 300;
  return fmt::format("HTTP {} {}: {}", reply.status, reply.problem.code,
                     reply.problem.message.substr(0, kMessageMax));
}

std::string skew_of(const S3Reply& reply) {
  const auto theirs = parse_http_date(reply.header("date"));
  if (!theirs) return {};
  const auto ahead = std::chrono::duration_cast<Millis>(wall_now() - *theirs);
  return fmt::format("; this machine's clock is {} {} the store's",
                     humane_duration(ahead < Millis(0) ? -ahead : ahead),
                     ahead < Millis(0) ? "behind" : "ahead of");
}

std::string region_in(const S3Reply& reply) {
  return reply.problem.region.empty() ? reply.header("x-amz-bucket-region") : reply.problem.region;
}

}  // namespace

bool is_passing(const S3Reply& reply) {
  return std::ranges::find(kPassingStatuses, reply.status) != kPassingStatuses.end() ||
         std::ranges::find(kPassingCodes, reply.problem.code) != kPassingCodes.end();
}

bool is_passing(const Error& error) {
  return error.code == ErrorCode::ConnectionFailed || error.code == ErrorCode::TimedOut ||
         error.code == ErrorCode::Http;
}

Error S3Client::error_of(const S3Reply& reply, std::string_view what) const {
  auto detail = fmt::format("{} in {}: {}", what, address_.describe(), said(reply));
  const auto region = region_in(reply);
  if (!region.empty() && region != address_.key.region && !reply.ok()) {
    return Error(ErrorCode::ConfigBadValue,
                 fmt::format("{}; the bucket is in the region {}, not {}", detail, region,
                             address_.key.region))
        .with_hint(fmt::format("Set the store's region to {}.", region));
  }
  const auto known = std::ranges::find(kMeanings, reply.problem.code, &Meaning::s3_code);
  if (known == kMeanings.end()) {
    Error error(code_of(reply.status), std::move(detail));
    if (error.code == ErrorCode::Permission) error.hint_override = kAllowed;
    return error;
  }
  if (known->s3_code == "RequestTimeTooSkewed") detail += skew_of(reply);
  return Error(known->code, std::move(detail)).with_hint(known->hint);
}

}  // namespace pgkeel::archive
