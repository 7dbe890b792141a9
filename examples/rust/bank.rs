//! libboc from Rust, as a sketch: declarations by hand, and a small safe interface.
//!
//! A `Cown<T>` owns a value in the cown's payload, which its `drop` hook ends. A behavior
//! is a closure in the behavior's environment. The library makes accesses exclusive and
//! orders them, so that `T: Send` is all that is asked of a value.
//!
//!     rustc examples/rust/bank.rs $(pkg-config --libs boc)   # then ./bank

use std::ffi::{c_char, c_int, c_void, CStr};
use std::marker::PhantomData;
use std::mem::{align_of, size_of, ManuallyDrop};
use std::ptr::{null, null_mut};

// ---- libboc, by hand: docs/c/reference.md says what each does ------------------------

#[repr(C)]
struct RawCown([u8; 0]);
#[repr(C)]
struct RawBehavior([u8; 0]);
#[repr(C)]
struct RawRuntime([u8; 0]);

#[repr(C)]
struct CownType {
    name: *const c_char,
    payload_size: usize,
    acquire: Option<unsafe extern "C" fn(*mut RawCown, *mut c_void)>,
    release: Option<unsafe extern "C" fn(*mut RawCown, *mut c_void)>,
    drop: Option<unsafe extern "C" fn(*mut RawCown, *mut c_void)>,
    allocator: *const c_void,
}

#[repr(C)]
struct BehaviorType {
    name: *const c_char,
    body: unsafe extern "C" fn(*mut RawBehavior, *mut c_void),
    drop: Option<unsafe extern "C" fn(*mut c_void)>,
    admit: Option<unsafe extern "C" fn(*mut RawBehavior, *mut c_void, u32, bool) -> c_int>,
}

#[repr(C)]
struct Access {
    cown: *mut RawCown,
    mode: c_int, // BOC_WRITE is 0
}

extern "C" {
    fn boc_status_text(status: c_int) -> *const c_char;
    fn boc_cown_new(kind: *const CownType, out: *mut *mut RawCown) -> c_int;
    fn boc_cown_payload(cown: *mut RawCown) -> *mut c_void;
    fn boc_cown_hold(cown: *mut RawCown) -> *mut RawCown;
    fn boc_cown_drop(cown: *mut RawCown);
    fn boc_runtime_new(options: *const c_void, out: *mut *mut RawRuntime) -> c_int;
    fn boc_runtime_free(runtime: *mut RawRuntime);
    fn boc_behavior_new(
        runtime: *mut RawRuntime,
        kind: *const BehaviorType,
        env_size: usize,
        accesses: *const Access,
        count: usize,
        out: *mut *mut RawBehavior,
    ) -> c_int;
    fn boc_behavior_env(behavior: *mut RawBehavior) -> *mut c_void;
    fn boc_behavior_cown(behavior: *const RawBehavior, i: usize) -> *mut RawCown;
    fn boc_behavior_schedule(behavior: *mut RawBehavior);
}

fn check(status: c_int) {
    if status != 0 {
        let text = unsafe { CStr::from_ptr(boc_status_text(status)) };
        panic!("libboc: {}", text.to_string_lossy());
    }
}

// ---- a safe interface ----------------------------------------------------------------

/// A value that behaviors have in turn.
struct Cown<T: Send>(*mut RawCown, PhantomData<T>);

unsafe impl<T: Send> Send for Cown<T> {}
unsafe impl<T: Send> Sync for Cown<T> {}

impl<T: Send> Cown<T> {
    /// One for each `T`, and never freed: cowns refer to it as long as they live.
    const TYPE: &'static CownType = &CownType {
        name: null(),
        payload_size: size_of::<T>(),
        acquire: None,
        release: None,
        drop: Some(Self::end),
        allocator: null(),
    };

    unsafe extern "C" fn end(_: *mut RawCown, payload: *mut c_void) {
        payload.cast::<T>().drop_in_place();
    }

    fn new(value: T) -> Self {
        assert!(align_of::<T>() <= 16, "payloads are aligned as malloc aligns");
        let mut cown = null_mut();
        unsafe {
            check(boc_cown_new(Self::TYPE, &mut cown));
            boc_cown_payload(cown).cast::<T>().write(value);
        }
        Cown(cown, PhantomData)
    }
}

impl<T: Send> Clone for Cown<T> {
    fn clone(&self) -> Self {
        Cown(unsafe { boc_cown_hold(self.0) }, PhantomData)
    }
}

impl<T: Send> Drop for Cown<T> {
    fn drop(&mut self) {
        unsafe { boc_cown_drop(self.0) }
    }
}

/// Workers; the end of it finishes what was scheduled.
struct Runtime(*mut RawRuntime);

impl Runtime {
    fn new() -> Self {
        let mut runtime = null_mut();
        check(unsafe { boc_runtime_new(null(), &mut runtime) });
        Runtime(runtime)
    }

    /// Runs `body` once it has both cowns, which must not be the same.
    fn when<A: Send, B: Send, F>(&self, a: &Cown<A>, b: &Cown<B>, body: F)
    where
        F: FnOnce(&mut A, &mut B) + Send + 'static,
    {
        assert!(a.0 != b.0, "a value cannot be borrowed twice");
        let accesses = [Access { cown: a.0, mode: 0 }, Access { cown: b.0, mode: 0 }];
        let mut behavior = null_mut();
        unsafe {
            check(boc_behavior_new(
                self.0,
                Body::<A, B, F>::TYPE,
                size_of::<Option<Box<F>>>(),
                accesses.as_ptr(),
                accesses.len(),
                &mut behavior,
            ));
            let env = boc_behavior_env(behavior).cast::<Option<Box<F>>>();
            env.write(Some(Box::new(body)));
            boc_behavior_schedule(behavior);
        }
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        unsafe { boc_runtime_free(self.0) }
    }
}

struct Body<A, B, F>(PhantomData<(A, B, F)>);

impl<A: Send, B: Send, F: FnOnce(&mut A, &mut B) + Send + 'static> Body<A, B, F> {
    const TYPE: &'static BehaviorType = &BehaviorType {
        name: null(),
        body: Self::run,
        drop: Some(Self::end),
        admit: None,
    };

    /// A panic must not leave a body: `extern "C"` makes it end the program.
    unsafe extern "C" fn run(behavior: *mut RawBehavior, env: *mut c_void) {
        let body = (*env.cast::<Option<Box<F>>>()).take();
        let a = boc_cown_payload(boc_behavior_cown(behavior, 0)).cast::<A>();
        let b = boc_cown_payload(boc_behavior_cown(behavior, 1)).cast::<B>();
        body.expect("a body runs once")(&mut *a, &mut *b);
    }

    /// After the body, and in its place if it does not run.
    unsafe extern "C" fn end(env: *mut c_void) {
        env.cast::<Option<Box<F>>>().drop_in_place();
    }
}

// ---- a bank --------------------------------------------------------------------------

struct Account {
    name: String,
    balance: i64,
}

fn main() {
    let accounts: Vec<Cown<Account>> = (0..8)
        .map(|i| Account { name: format!("account {i}"), balance: 1000 })
        .map(Cown::new)
        .collect();
    let total = Cown::new(0_i64);
    let runtime = ManuallyDrop::new(Runtime::new());
    for i in 0..10_000_usize {
        let amount = (i % 7) as i64;
        let (from, to) = (&accounts[i % 8], &accounts[(i * 5 + 1) % 8]);
        if from.0 == to.0 {
            continue;
        }
        runtime.when(from, to, move |from, to| {
            from.balance -= amount;
            to.balance += amount;
        });
    }
    for account in &accounts {
        runtime.when(account, &total, |account, total| {
            assert!(account.name.starts_with("account"));
            *total += account.balance;
        });
    }
    let kept = total.clone();
    drop(accounts); // behaviors keep what they need
    drop(ManuallyDrop::into_inner(runtime)); // finishes what was scheduled
    let sum = unsafe { *boc_cown_payload(kept.0).cast::<i64>() };
    assert_eq!(sum, 8000);
    println!("{sum}");
}
