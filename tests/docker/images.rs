//! The images, by the Dockerfiles of the checkout, where no registry can be reached: their base is made by debootstrap,
//! and the programs are those beside the test.

use crate::engine::{Engine, said};
use concordat_tests::harness::{Binaries, Failure, failure::ensure};
use std::{
    env, fs,
    path::{Path, PathBuf},
};
use tokio::process::Command;

pub struct Images {
    pub node: String,
    pub prometheus: String,
}

impl Images {
    pub async fn build(engine: &Engine) -> Result<Images, Failure> {
        let [base, programs, node, prometheus] = NAMES.map(tag);
        let archive = base_archive().await?;
        engine.docker(&["import", &archive.display().to_string(), &base]).await?;
        let (base, build) = (format!("BASE_IMAGE={base}"), format!("BUILD_IMAGE={base}"));
        let context = context().await?;
        let folder = context.path().display().to_string();
        // The first stage gets a name too: without one nobody could remove it.
        // Without --force-rm a step that fails leaves its container.
        let both = ["build", "--force-rm", "--build-arg", &base, "--build-arg", &build];
        engine.docker(&[&both[..], &["--target", "build", "--tag", &programs, &folder]].concat()).await?;
        engine.docker(&[&both[..], &["--tag", &node, &folder]].concat()).await?;
        let folder = root().join("deploy/prometheus").display().to_string();
        engine.docker(&["build", "--force-rm", "--build-arg", &base, "--tag", &prometheus, &folder]).await?;
        Ok(Images { node, prometheus })
    }
}

/// The base and whatever was built on it, also by a build that failed half-way and named nothing.
pub async fn remove(engine: &Engine) -> Result<(), Failure> {
    let base = engine.docker(&["images", "--quiet", "--no-trunc", &tag("base")]).await?;
    let Some(base) = base.lines().next() else { return Ok(()) };
    // Newest first, so that none goes before those that rest on it.
    let images = all(engine).await?;
    let mut family = vec![base.to_owned()];
    for (image, parent) in images.iter().rev() {
        if family.contains(parent) {
            family.push(image.clone());
        }
    }
    for image in family.iter().rev() {
        // Who has lost its last name and its last child goes with it.
        if all(engine).await?.iter().any(|(left, _)| left == image) {
            engine.docker(&["rmi", "--force", image]).await?;
        }
    }
    let left: Vec<String> = all(engine).await?.into_iter().map(|(image, _)| image).collect();
    let left: Vec<&String> = family.iter().filter(|image| left.contains(image)).collect();
    ensure(left.is_empty(), || format!("docker images still has {left:?}"))
}

/// Each image with the one that it rests on, newest first.
async fn all(engine: &Engine) -> Result<Vec<(String, String)>, Failure> {
    let ids = engine.docker(&["images", "--all", "--quiet", "--no-trunc"]).await?;
    let ids: Vec<&str> = ids.split_whitespace().collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let text = engine.docker(&[&["inspect", "--format", "{{.Id}} {{.Parent}}"][..], &ids].concat()).await?;
    let pair = |line: &str| {
        let (image, parent) = line.split_once(' ')?;
        Some((image.to_owned(), parent.to_owned()))
    };
    Ok(text.lines().filter_map(pair).collect())
}

/// Of this run alone.
pub fn tag(name: &str) -> String {
    format!("{}-{name}", crate::trial::project())
}

/// What the build gets to see: the Dockerfile, and the programs without their debug information.
async fn context() -> Result<tempfile::TempDir, Failure> {
    let binaries = Binaries::find()?;
    let folder = tempfile::Builder::new().prefix("concordat-image-").tempdir().expect("a temporary folder");
    let programs = folder.path().join("programs");
    fs::create_dir(&programs).map_err(|error| Failure::file("folder", &programs, &error))?;
    let dockerfile = root().join("Dockerfile");
    fs::copy(&dockerfile, folder.path().join("Dockerfile"))
        .map_err(|error| Failure::file("file", &dockerfile, &error))?;
    for path in [&binaries.cli, &binaries.node, &binaries.validator] {
        let mut strip = Command::new("strip");
        strip.arg("-o").arg(programs.join(path.file_name().expect("a program has a name"))).arg(path);
        said(strip).await?;
    }
    Ok(folder)
}

/// A small Debian of this machine's release with Prometheus in it, kept beside the builds: it takes a minute to make.
async fn base_archive() -> Result<PathBuf, Failure> {
    let release = release()?;
    let folder = target_folder().join("containers");
    let archive = folder.join(format!("{release}.tar"));
    if archive.is_file() {
        return Ok(archive);
    }
    fs::create_dir_all(&folder).map_err(|error| Failure::file("folder", &folder, &error))?;
    let draft = tempfile::Builder::new().prefix(".draft-").tempdir_in(&folder);
    let draft = draft.map_err(|error| Failure::file("folder", &folder, &error))?;
    let (tree, tar) = (draft.path().join("tree"), draft.path().join("tar"));
    let mut debootstrap = Command::new("debootstrap");
    debootstrap.args(["--variant=minbase", "--include=prometheus", &release]).arg(&tree);
    said(debootstrap).await?;
    let mut pack = Command::new("tar");
    for left_out in ["./var/cache/apt/*", "./var/lib/apt/lists/*", "./usr/share/doc/*", "./usr/share/locale/*"] {
        pack.arg("--exclude").arg(left_out);
    }
    said({
        pack.arg("-cf").arg(&tar).arg("-C").arg(&tree).arg(".");
        pack
    })
    .await?;
    fs::rename(&tar, &archive).map_err(|error| Failure::file("archive", &archive, &error))?;
    Ok(archive)
}

/// Programs that were linked here need a C library that is not older.
fn release() -> Result<String, Failure> {
    let text = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    let name = name.map(|name| name.trim_matches('"').to_owned());
    name.ok_or_else(|| Failure::set_up("/etc/os-release names no release", "Run the stage on a Debian."))
}

/// Where this test was built: target/release/deps/docker-….
fn target_folder() -> PathBuf {
    let program = env::current_exe().expect("a test knows its own path");
    program.ancestors().nth(3).expect("three folders below the target folder").to_path_buf()
}

pub fn root() -> PathBuf {
    let package = env::var("CARGO_MANIFEST_DIR").expect("cargo and xtask set it");
    Path::new(&package).parent().expect("tests/ stands in the workspace").to_path_buf()
}

/// Each rests on one before it.
const NAMES: [&str; 4] = ["base", "programs", "node", "prometheus"];
