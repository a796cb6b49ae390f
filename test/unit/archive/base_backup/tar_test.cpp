#include <gmock/gmock.h>

#include "archive/base_backup/tar_scanner.hpp"
#include "unit/archive/codec_fixture.hpp"

namespace pgkeel::archive {
namespace {

using Type = TarMember::Type;

std::string text_of(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string padded(std::string text) {
  text.resize((text.size() + kTarBlockBytes - 1) / kTarBlockBytes * kTarBlockBytes, '\0');
  return text;
}

std::string member(const std::string& name, const std::string& content, Type type = Type::File) {
  TarMember header;
  header.name = name;
  header.type = type;
  header.size_bytes = content.size();
  return text_of(make_tar_header(header).value()) + padded(content);
}

/// Writes down what it is told, and all bytes it was given.
class Diary final : public TarVisitor {
 public:
  std::vector<std::string> names;
  std::vector<std::string> contents;
  std::string bytes;
  TarMember last;

 private:
  Result<void> begin(const TarMember& found, ByteSpan headers) override {
    last = found;
    names.push_back(found.name);
    contents.emplace_back();
    bytes += text_of(headers);
    return {};
  }
  Result<void> content(ByteSpan part) override {
    contents.back() += text_of(part);
    bytes += text_of(part);
    return {};
  }
  Result<void> end(ByteSpan padding) override {
    bytes += text_of(padding);
    return {};
  }
};

Result<void> scan(const std::string& tar, std::size_t step, Diary& diary,
                  TarScanner::End end = TarScanner::End::Required) {
  TarScanner scanner(diary);
  for (std::size_t at = 0; at < tar.size(); at += step)
    TRY_VOID(scanner.push(span_of(tar).subspan(at, std::min(step, tar.size() - at))));
  return scanner.finish(end);
}

const std::string kEnd(kTarEndBytes, '\0');

TEST(TarScanner, TellsMembersWhateverThePieces) {
  // Goal: members of every size around a block come whole and no byte is lost, however cut (D10).
  const auto members = member("base/", "", Type::Directory) + member("empty", "") +
                       member("block", std::string(512, 'b')) +
                       member("odd", std::string(70'001, 'o')) + member("last", "x");
  for (const std::size_t step : {1U, 7U, 511U, 512U, 513U, 1'000'000U}) {
    Diary diary;
    ASSERT_TRUE(scan(members + kEnd + kEnd, step, diary)) << step;
    EXPECT_THAT(diary.names, testing::ElementsAre("base/", "empty", "block", "odd", "last"));
    EXPECT_EQ(diary.contents[3], std::string(70'001, 'o'));
    EXPECT_TRUE(diary.bytes == members) << step;
  }
}

TEST(TarScanner, KnowsLongNames) {
  // Goal: GNU and pax headers belong to the member behind them, in name and in bytes (D10).
  const std::string name(300, 'n');
  const auto record = " path=" + name + "\n";  // after its own length, 310 with its digits
  const auto tar = member("././@LongLink", name + '\0', Type::GnuName) + member("cut", "1") +
                   member("pax", "310" + record, Type::PaxNext) + member("cut", "2") +
                   member("plain", "3");
  Diary diary;
  ASSERT_TRUE(scan(tar + kEnd, 100, diary));
  EXPECT_THAT(diary.names, testing::ElementsAre(name, name, "plain"));
  EXPECT_THAT(diary.contents, testing::ElementsAre("1", "2", "3"));
  EXPECT_EQ(diary.bytes, tar);
  Diary other;
  EXPECT_EQ(scan(member("pax", "311" + record, Type::PaxNext) + kEnd, 512, other).error().code,
            ErrorCode::Malformed);
}

TEST(TarScanner, NoticesCutsAndDamage) {
  // Goal: an end in the middle, a damaged header and anything behind the end are errors (D10).
  const auto one = member("file", std::string(700, 'f'));
  Diary diary;
  EXPECT_FALSE(scan(one.substr(0, 400), 512, diary, TarScanner::End::Optional));
  EXPECT_FALSE(scan(one.substr(0, 900), 512, diary, TarScanner::End::Optional));
  EXPECT_FALSE(scan(one, 512, diary));
  EXPECT_TRUE(scan(one, 512, diary, TarScanner::End::Optional));
  EXPECT_FALSE(scan(one + kEnd + "x", 512, diary));
  for (const std::size_t at : {0U, 130U, 150U, 156U, 300U, 511U}) {
    auto damaged = one;
    damaged[at] ^= 2;
    const auto scanned = scan(damaged + kEnd, 512, diary);
    ASSERT_FALSE(scanned) << at;
    EXPECT_EQ(scanned.error().code, ErrorCode::Malformed);
  }
}

TEST(TarHeader, HoldsSizesOverEightGigabytes) {
  // Goal: a size that octal digits cannot hold goes both ways, in base 256 (D10).
  for (const std::uint64_t size : {0ULL, 1ULL, 077777777777ULL, 0100000000000ULL, 1ULL << 45U}) {
    TarMember header;
    header.name = "base/5/16384";
    header.size_bytes = size;
    header.modified_epoch_s = 1'795'000'000;
    const auto read = parse_tar_header(make_tar_header(header).value());
    ASSERT_TRUE(read);
    EXPECT_EQ(read->size_bytes, size);
    EXPECT_EQ(read->name, header.name);
    EXPECT_EQ(read->modified_epoch_s, 1'795'000'000);
  }
}

TEST(TarHeader, CutsLongNamesInTwo) {
  // Goal: a path of up to 255 characters fits where it has a slash at the right place (D10).
  TarMember header;
  header.name = std::string(120, 'd') + "/" + std::string(90, 'f');
  EXPECT_EQ(parse_tar_header(make_tar_header(header).value()).value().name, header.name);
  header.name = std::string(120, 'f');
  EXPECT_EQ(make_tar_header(header).error().code, ErrorCode::NotSupported);
}

}  // namespace
}  // namespace pgkeel::archive
