#include "serried/io/file_info.hpp"

#include "h5_files.hpp"

namespace serried::test {
namespace {

const ObjectInfo& at(const FileInfo& info, const std::string& path) {
  for (const ObjectInfo& object : info.objects)
    if (object.path == path) return object;
  ADD_FAILURE() << path << " is not listed";
  return info.objects.front();
}

TEST(FileInfo, datasets_attributes_and_links) {
  const Folder folder;
  const std::string path = folder / "all.h5";
  on_root([&] {
    H5File(folder / "target.h5").write<double>("/there", {1}, {1});
    H5File file(path);
    file.write<float>("/b/packed", {6, 4}, std::vector<float>(24, 1.f), H5T_IEEE_F32BE,
                      {{3, 4}, true, 4, true});
    file.write<std::int16_t>("/a10", {}, {7});
    file.write<std::int16_t>("/a2", {3}, {7, 8, 9});
    file.text("/a2", "units", "degC");
    file.attribute<double>("/a2", "range", {0.1, 2});
    file.attribute<std::int32_t>("/a2", "one", {5});
    std::vector<std::int64_t> many(20);
    for (std::size_t i = 0; i < many.size(); ++i) many[i] = static_cast<std::int64_t>(i);
    file.attribute("/b", "many", many);
    require(H5Lcreate_soft("/a2", file.id(), "/soft", H5P_DEFAULT, H5P_DEFAULT));
    require(H5Lcreate_soft("/nowhere", file.id(), "/lost", H5P_DEFAULT, H5P_DEFAULT));
    require(H5Lcreate_external("target.h5", "/there", file.id(), "/out", H5P_DEFAULT, H5P_DEFAULT));
    require(H5Lcreate_external("gone.h5", "/there", file.id(), "/away", H5P_DEFAULT, H5P_DEFAULT));
    require(
        H5Lcreate_hard(file.id(), "/", file.id(), "/b/up", H5P_DEFAULT, H5P_DEFAULT));  // a cycle
    require(H5Lcreate_hard(file.id(), "/a2", file.id(), "/second", H5P_DEFAULT, H5P_DEFAULT));
  });
  const FileInfo info = inspect_file(context(), path);
  std::vector<std::string> paths;
  for (const ObjectInfo& object : info.objects) paths.push_back(object.path);
  EXPECT_EQ(paths, (std::vector<std::string>{"/", "/a2", "/a10", "/away", "/b", "/b/packed",
                                             "/b/up", "/lost", "/out", "/second", "/soft"}));
  EXPECT_TRUE(at(info, "/").is_group);
  const ObjectInfo& packed = at(info, "/b/packed");
  EXPECT_EQ(packed.type, "f32 big-endian");
  EXPECT_EQ(packed.shape, (Shape{6, 4}));
  EXPECT_EQ(packed.chunks, (std::vector<std::int64_t>{3, 4}));
  EXPECT_EQ(packed.filters, (std::vector<std::string>{"shuffle", "deflate 4", "fletcher32"}));
  EXPECT_GT(packed.stored_bytes, 0);
  const ObjectInfo& a2 = at(info, "/a2");
  EXPECT_EQ(a2.type, "i16");
  EXPECT_EQ(a2.stored_bytes, 6);
  ASSERT_EQ(a2.attributes.size(), 3u);
  EXPECT_EQ(a2.attributes[0].name + "=" + a2.attributes[0].value + ":" + a2.attributes[0].type,
            "one=5:i32");
  EXPECT_EQ(a2.attributes[1].value, "[0.1, 2]");
  EXPECT_EQ(a2.attributes[2].value, "degC");
  EXPECT_EQ(at(info, "/b").attributes.at(0).value,
            "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, ... (20 values)]");
  EXPECT_EQ(at(info, "/soft").link, "soft link to /a2");
  EXPECT_EQ(at(info, "/lost").link, "soft link to /nowhere (dangling)");
  EXPECT_EQ(at(info, "/out").link, "external link to target.h5:/there");
  EXPECT_EQ(at(info, "/away").link, "external link to gone.h5:/there (dangling)");
  EXPECT_EQ(at(info, "/b/up").link, "same as /");
  EXPECT_EQ(at(info, "/second").link, "same as /a2");
  const auto bytes = runtime().communicator().allgather(info.bytes);
  for (const std::int64_t b : bytes)
    EXPECT_EQ(b, static_cast<std::int64_t>(std::filesystem::file_size(path)));
}

TEST(FileInfo, odd_types_and_spaces) {
  const Folder folder;
  const std::string path = folder / "odd.h5";
  on_root([&] {
    H5File file(path);
    const std::vector<hsize_t> nine(9, 1);
    file.write<float>("/nine", nine, {1});
    const hid_t null = H5Screate(H5S_NULL);
    const hid_t set =
        H5Dcreate2(file.id(), "/null", H5T_NATIVE_INT, null, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    require(set);
    H5Dclose(set);
    H5Sclose(null);
  });
  const FileInfo info = inspect_file(context(), path);
  EXPECT_EQ(at(info, "/nine").type, "f32, 9 dimensions");
  EXPECT_EQ(at(info, "/null").type, "i32, null dataspace");
  error_of(ErrorKind::data,
           [&] { static_cast<void>(Dataset::open(context(), parse_address(path + ":/nine"))); });
  error_of(ErrorKind::data,
           [&] { static_cast<void>(Dataset::open(context(), parse_address(path + ":/null"))); });
}

}  // namespace
}  // namespace serried::test
