// Until when a certificate is valid, read from what `openssl req -x509` writes.
#include "pg/certificate.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace pgkeel::pg {
namespace {

std::string server_crt() {
  std::ifstream file("test/data/pg/server.crt");
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(CertificateText, TellsItsEnd) {
  // Goal: the end of the first certificate, to the second (K42).
  const auto ends = certificate_ends(server_crt());
  ASSERT_TRUE(ends.has_value());
  EXPECT_EQ(to_iso8601(*ends).substr(0, 19), "2027-11-22T00:34:31");
  const auto chain = certificate_ends("words before it\n" + server_crt() + server_crt());
  EXPECT_TRUE(chain && *chain == *ends);
}

TEST(CertificateText, RefusesWhatIsNone) {
  // Goal: an empty, cut or foreign file is an error, never a date (K41).
  const auto whole = server_crt();
  EXPECT_FALSE(certificate_ends("").has_value());
  EXPECT_FALSE(certificate_ends(whole.substr(0, whole.size() / 2)).has_value());
  EXPECT_FALSE(certificate_ends("-----BEGIN CERTIFICATE-----\nAAAA\n").has_value());
  EXPECT_FALSE(certificate_ends(std::string(2U << 20U, 'x')).has_value());
}

}  // namespace
}  // namespace pgkeel::pg
