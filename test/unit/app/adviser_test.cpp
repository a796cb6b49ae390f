// Where the certificate of a server is looked for, and where it is not.
#include "app/guard/adviser.hpp"

#include <gmock/gmock.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <fstream>
#include <memory>

#include "support/temp_dir.hpp"

namespace pgkeel::app {
namespace {

using testing::IsEmpty;
using testing::SizeIs;
namespace fs = std::filesystem;

// A certificate that ends within the hour.
void write_certificate(const fs::path& file) {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), X509_free);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key.get());
  ASSERT_GT(X509_sign(certificate.get(), key.get(), EVP_sha256()), 0);
  const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new_file(file.c_str(), "w"), BIO_free);
  ASSERT_EQ(PEM_write_bio_X509(out.get(), certificate.get()), 1);
}

class OwnCertificate : public testing::Test {
 protected:
  void configure(const std::string& certificate) {
    std::ofstream(data() / "postgresql.conf")
        << "ssl = on\nssl_cert_file = '" << certificate << "'\n";
  }
  [[nodiscard]] fs::path data() const { return dir_.path() / "data"; }
  [[nodiscard]] fs::path elsewhere() const { return dir_.path() / "other.crt"; }
  [[nodiscard]] std::vector<diagnose::Warning> look(bool inside) const {
    return look_at_certificate({data() / "postgresql.conf", data(), inside});
  }
  void SetUp() override {
    fs::create_directory(data());
    write_certificate(data() / "server.crt");
    write_certificate(elsewhere());
  }

 private:
  test::TempDir dir_;
};

TEST_F(OwnCertificate, IsWarnedOfBelowTheDataDirectory) {
  // Goal: a relative path is the server's own file, wherever the server runs (K42).
  configure("server.crt");
  EXPECT_THAT(look(false), SizeIs(1));
  EXPECT_THAT(look(true), SizeIs(1));
}

TEST_F(OwnCertificate, OfAContainerIsNotReadFromTheHost) {
  // Goal: the same path on this host is a stranger's certificate (K42).
  fs::create_symlink(elsewhere(), data() / "link.crt");
  for (const auto& path :
       {elsewhere().string(), std::string("../other.crt"), std::string("link.crt")}) {
    configure(path);
    EXPECT_THAT(look(false), SizeIs(1)) << path;
    EXPECT_THAT(look(true), IsEmpty()) << path;
  }
}

}  // namespace
}  // namespace pgkeel::app
