// A stand-in for the startup hook of OpenTelemetry .NET: it instruments nothing. It records that it ran, whether the
// stand-in profiler was initialised, and which of the payload's dependencies the runtime can load.
using System;
using System.Reflection;
using System.Runtime.InteropServices;

internal static class StartupHook
{
    delegate int Count();

    public static void Initialize()
    {
        Loaded("startup hook");
        Loaded("profiler initialised " + Initialisations() + " times");
        Loaded("dependency from the store: " + Dependency());
    }

    // The runtime has loaded the library already, so that this asks the same copy of it.
    static int Initialisations()
    {
        var path = Environment.GetEnvironmentVariable("CORECLR_PROFILER_PATH");
        IntPtr library, function;
        if (path == null
            || !NativeLibrary.TryLoad(path, out library)
            || !NativeLibrary.TryGetExport(library, "IngraftStandInInitialisations", out function))
        {
            return 0;
        }
        return Marshal.GetDelegateForFunctionPointer<Count>(function)();
    }

    // The application does not know this assembly: only AdditionalDeps and store together lead to it.
    static string Dependency()
    {
        try
        {
            return Assembly.Load("Ingraft.StandIn").GetName().Version.ToString();
        }
        catch (Exception error)
        {
            return error.GetType().Name;
        }
    }

    static void Loaded(string what)
    {
        var domain = AppDomain.CurrentDomain;
        domain.SetData("ingraft.loaded", (domain.GetData("ingraft.loaded") as string) + what + "\n");
    }
}
