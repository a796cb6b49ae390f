#include "incident/store.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <set>

#include "samples.hpp"

namespace pgkeel::incident {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

mode_t mode_of(const std::filesystem::path& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
}

std::set<std::string> names_in(const std::filesystem::path& dir) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(dir))
    names.insert(entry.path().filename());
  return names;
}

void overwrite(const std::filesystem::path& path, std::streamoff offset, std::size_t bytes) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(offset);
  file << std::string(bytes, '\xa5');
}

TEST(Store, MakesAPrivateDirectory) {
  // Directory 0700 and every file 0600, whatever the umask: it holds configuration and dumps.
  const auto before = ::umask(0);
  const OpenStore open;
  EXPECT_EQ(mode_of(open.state_dir()), 0700U);
  for (const auto& name : names_in(open.state_dir()))
    EXPECT_EQ(mode_of(open.state_dir() / name), 0600U) << name;
  ::umask(before);
  EXPECT_THAT(open.store->set_aside_note(), IsEmpty());
}

TEST(Store, TellsASecondGuardWhoHoldsIt) {
  // One guard per state directory: the second is told the first one's pid and since when. Exit 3.
  OpenStore open;
  const auto second = Store::open(open.state_dir());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::StateLocked);
  EXPECT_EQ(second.error().exit_number(), 3);
  EXPECT_THAT(second.error().message(), HasSubstr("pid " + std::to_string(::getpid())));
  EXPECT_THAT(second.error().message(), HasSubstr("since 20"));
  ASSERT_TRUE(open.journal.open(sample_incident())) << "the first guard is not disturbed";
  open.reopen();
  EXPECT_EQ(open.journal.list(10)->size(), 1);
}

TEST(Store, PutsADamagedFileAside) {
  // Not a database any more: kept under another name, a new one works, and the note says so.
  OpenStore open;
  ASSERT_TRUE(open.journal.open(sample_incident()));
  open.store.reset();
  overwrite(open.state_dir() / "state.db", 0, 100);
  const auto damaged_size = std::filesystem::file_size(open.state_dir() / "state.db");
  open.reopen();
  EXPECT_THAT(open.store->set_aside_note(), HasSubstr("state.db.damaged-"));
  EXPECT_THAT(open.journal.list(10).value(), IsEmpty());
  ASSERT_TRUE(open.journal.open(sample_incident()));
  std::size_t kept = 0;
  for (const auto& name : names_in(open.state_dir())) {
    if (!name.starts_with("state.db.damaged-")) continue;
    ++kept;
    EXPECT_EQ(std::filesystem::file_size(open.state_dir() / name), damaged_size);
  }
  EXPECT_EQ(kept, 1);
  open.reopen();
  EXPECT_THAT(open.store->set_aside_note(), IsEmpty()) << "said once";
}

TEST(Store, RescuesTheIdentityFromADamagedFile) {
  // Damage in one table must not make the guard adopt a stranger: the identity, the operators'
  // decisions and the used-up numbers are carried over when they can still be read. X8
  OpenStore open;
  ASSERT_TRUE(open.ledger.record_identity(sample_identity()));
  ASSERT_TRUE(open.ledger.set_fact("paused_until", "later"));
  ASSERT_TRUE(open.journal.open(sample_incident()));
  ASSERT_TRUE(open.ledger.record_definitions("shop", {at(0), std::string(200'000, 'd')}));
  open.store.reset();
  // The dump's overflow pages are the last of the file: the free list and chain are destroyed.
  const auto size = std::filesystem::file_size(open.state_dir() / "state.db");
  overwrite(open.state_dir() / "state.db", static_cast<std::streamoff>(size) - 100 * 1024,
            100 * 1024);
  open.reopen();
  ASSERT_THAT(open.store->set_aside_note(), HasSubstr("identity, facts"));
  EXPECT_EQ(open.ledger.identity().value()->system_id, sample_identity().system_id);
  EXPECT_EQ(open.ledger.fact("paused_until").value(), "later");
  EXPECT_EQ(open.journal.open(sample_incident()).value(), "2026-11-21-002");
}

TEST(Store, ADamagedRingDoesNotTouchTheJournal) {
  // The probe ring is a file of its own: losing it loses probes, not incidents.
  OpenStore open;
  ASSERT_TRUE(open.journal.open(sample_incident()));
  open.store.reset();
  overwrite(open.state_dir() / "probes.db", 0, 100);
  open.reopen();
  EXPECT_THAT(open.store->set_aside_note(), HasSubstr("probes.db.damaged-"));
  EXPECT_EQ(open.journal.list(10)->size(), 1);
}

TEST(Store, SaysWhenTheStateIsGone) {
  // Deleted or emptied by somebody: started anew, said aloud, and a -wal left behind is never
  // applied to the new file. X8
  OpenStore open;
  ASSERT_TRUE(open.ledger.record_identity(sample_identity()));
  open.store.reset();
  std::filesystem::resize_file(open.state_dir() / "state.db", 0);
  open.reopen();
  EXPECT_THAT(open.store->set_aside_note(), HasSubstr("gone or empty"));
  EXPECT_FALSE(open.ledger.identity().value().has_value());

  open.store.reset();
  std::filesystem::remove(open.state_dir() / "state.db");
  std::ofstream(open.state_dir() / "state.db-wal") << "left behind";
  open.reopen();
  EXPECT_THAT(open.store->set_aside_note(), HasSubstr("was gone"));
  std::size_t kept = 0;
  for (const auto& name : names_in(open.state_dir()))
    if (name.starts_with("state.db.damaged-") && name.ends_with("-wal")) ++kept;
  EXPECT_EQ(kept, 1);
}

TEST(Store, AFailedFirstOpenLeavesNothing) {
  // What the first open made is taken away again when it cannot be finished; what was there stays.
  const ScratchDir dir;
  std::filesystem::create_directories(dir.path() / "state" / "probes.db");
  EXPECT_FALSE(Store::open(dir / "state"));
  EXPECT_EQ(names_in(dir.path() / "state"), std::set<std::string>{"probes.db"});
}

TEST(Store, AFileWhereTheDirectoryShouldBe) {
  // A state_dir that is a file, or whose parent is missing, is refused and left alone.
  const ScratchDir dir;
  std::ofstream(dir / "file") << "precious";
  EXPECT_EQ(Store::open(dir / "file").error().code, ErrorCode::WrongState);
  EXPECT_EQ(Store::open(dir / "no" / "such").error().code, ErrorCode::NotFound);
  EXPECT_EQ(names_in(dir.path()), std::set<std::string>{"file"});
  EXPECT_EQ(std::filesystem::file_size(dir / "file"), 8);
}

TEST(Store, OddCharactersInThePath) {
  // '?', '#', '%' and spaces in state_dir are not read as parts of a URI.
  const ScratchDir dir;
  const auto odd = dir / "a b?c#d%20e";
  {
    const auto store = Store::open(odd).value();
    ASSERT_TRUE(Journal(*store).open(sample_incident()));
  }
  EXPECT_TRUE(std::filesystem::exists(odd / "state.db"));
  const auto reader = Store::open_read_only(odd).value();
  EXPECT_EQ(Journal(*reader).list(9)->size(), 1);
}

TEST(ReadOnlyStore, SaysWhenThereIsNothing) {
  // No guard has run here: NotFound, and nothing is made.
  const ScratchDir dir;
  EXPECT_EQ(Store::open_read_only(dir / "state").error().code, ErrorCode::NotFound);
  EXPECT_EQ(Store::open_read_only(dir.path()).error().code, ErrorCode::NotFound);
  EXPECT_THAT(names_in(dir.path()), IsEmpty());
}

TEST(ReadOnlyStore, LeavesNoTrace) {
  // After a clean end of the guard: reads everything, makes no file, changes none, refuses writes.
  OpenStore open;
  const auto id = open.journal.open(sample_incident()).value();
  open.store.reset();
  const auto files = names_in(open.state_dir());
  const auto written = std::filesystem::last_write_time(open.state_dir() / "state.db");
  {
    const auto reader = Store::open_read_only(open.state_dir()).value();
    Journal journal(*reader);
    EXPECT_EQ(journal.load(id)->cause, "server_killed");
    EXPECT_FALSE(journal.open(sample_incident()));
    EXPECT_FALSE(journal.record_probe({at(0), "login", true, Millis(1), ""}));
    EXPECT_FALSE(Ledger(*reader).set_fact("a", "b"));
    EXPECT_EQ(names_in(open.state_dir()), files);
  }
  EXPECT_EQ(names_in(open.state_dir()), files);
  EXPECT_EQ(std::filesystem::last_write_time(open.state_dir() / "state.db"), written);
}

TEST(ReadOnlyStore, ReadsWhileAGuardWrites) {
  // A reader takes no lock of the guard's, sees its newest commit and holds no write up.
  OpenStore open;
  ASSERT_TRUE(open.journal.open(sample_incident()));
  const auto files = names_in(open.state_dir());
  const auto reader = Store::open_read_only(open.state_dir()).value();
  const Journal seen(*reader);
  EXPECT_EQ(seen.list(10)->size(), 1);
  ASSERT_TRUE(open.journal.open(sample_incident()));
  EXPECT_EQ(seen.list(10)->size(), 2);
  const auto late_reader = Store::open_read_only(open.state_dir()).value();
  EXPECT_EQ(Journal(*late_reader).list(10)->size(), 2);
  EXPECT_EQ(names_in(open.state_dir()), files);
}

}  // namespace
}  // namespace pgkeel::incident
