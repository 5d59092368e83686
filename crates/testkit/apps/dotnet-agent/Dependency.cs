// An assembly that only the payload has.
[assembly: System.Reflection.AssemblyVersion("1.0.0.0")]
