// See certificate.hpp.
#include "pg/certificate.hpp"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <ctime>
#include <memory>

namespace pgkeel::pg {
namespace {

constexpr std::size_t kPemBytesMax = 1U << 20U;

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

}  // namespace

Result<WallTime> certificate_ends(std::string_view pem) {
  if (pem.size() > kPemBytesMax) return fail(ErrorCode::Malformed, "too long for a certificate");
  const Bio text(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  const Certificate certificate(
      text ? PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr) : nullptr, X509_free);
  std::tm ends{};
  if (!certificate || ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &ends) != 1)
    return fail(ErrorCode::Malformed, "no certificate in it");
  return WallTime{Seconds(::timegm(&ends))};
}

}  // namespace pgkeel::pg
